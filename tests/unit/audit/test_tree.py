"""Hash trees are those of RFC 6962."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.audit.tree import path_of, root_from, root_of

# Inputs and roots from the reference test vectors of Certificate Transparency.
_INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LEAVES = [hashlib.sha256(b"\0" + bytes.fromhex(one)).digest() for one in _INPUTS]


@pytest.mark.parametrize("size", _ROOTS)
def test_roots_are_those_of_the_reference_vectors(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == _ROOTS[size]


@given(size=st.integers(1, 130), index=st.integers(0, 129))
def test_a_path_leads_to_the_root(size: int, index: int) -> None:
    leaves = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
    index %= size

    assert root_from(leaves[index], index, size, path_of(leaves, index)) == root_of(leaves)


@given(size=st.integers(2, 40), index=st.integers(0, 39))
def test_another_leaf_leads_elsewhere(size: int, index: int) -> None:
    leaves = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
    index %= size

    assert root_from(leaves[index - 1], index, size, path_of(leaves, index)) != root_of(leaves)
