"""Hash trees as RFC 6962 (section 2.1) has them: the root of a block of leaves, and the proof that one leaf is in it. Pure."""

import hashlib
from collections.abc import Sequence

BLOCK = 128
"""Leaves of a full block. Part of the format of seals: never change it."""


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root of a tree; the hash of nothing for no leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = _left(len(leaves))
    return _node(root_of(leaves[:left]), root_of(leaves[left:]))


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Hashes that lead from leaf `index` to the root, the nearest first."""
    if len(leaves) <= 1:
        return []
    left = _left(len(leaves))
    if index < left:
        return [*path_of(leaves[:left], index), root_of(leaves[left:])]
    return [*path_of(leaves[left:], index - left), root_of(leaves[:left])]


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Root that a leaf and its path lead to. Raises ValueError for a path that fits no tree of that size."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    if size == 1:
        if path:
            raise ValueError("the path is too long")
        return leaf
    if not path:
        raise ValueError("the path is too short")
    left = _left(size)
    if index < left:
        return _node(root_from(leaf, index, left, path[:-1]), path[-1])
    return _node(path[-1], root_from(leaf, index - left, size - left, path[:-1]))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _left(size: int) -> int:
    """Largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
