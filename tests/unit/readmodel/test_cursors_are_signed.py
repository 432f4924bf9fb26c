"""A cursor is accepted only with the secret and the query that it was made with."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.readmodel.cursor import Cursors
from libs.readmodel.errors import InvalidQuery

KEYS = st.lists(st.one_of(st.text(), st.integers(-(2**62), 2**62)), max_size=5)


@given(KEYS, st.text())
def test_what_goes_in_comes_out(key: list[str | int], query: str) -> None:
    cursors = Cursors(b"secret")
    assert cursors.decode(query, cursors.encode(query, key)) == key


@given(KEYS, st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_refused(key: list[str | int], place: int, change: int) -> None:
    cursors = Cursors(b"secret")
    raw = bytearray(base64.urlsafe_b64decode(cursors.encode("q", key) + "=="))
    raw[place % len(raw)] ^= change
    with pytest.raises(InvalidQuery):
        cursors.decode("q", base64.urlsafe_b64encode(raw).decode())


@given(st.text())
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        Cursors(b"secret").decode("q", text)


def test_another_secret_or_query_is_refused() -> None:
    cursor = Cursors(b"secret").encode({"wave": "w1"}, [1, "a"])
    for cursors, query in ((Cursors(b"other"), {"wave": "w1"}), (Cursors(b"secret"), {"wave": "w2"})):
        with pytest.raises(InvalidQuery):
            cursors.decode(query, cursor)
