"""What a seal says of one partition. Pure."""

from typing import NamedTuple


class Head(NamedTuple):
    """Where an aggregate's chain stands."""

    version: int
    hash: bytes
    offset: int = -1


class Sealed(NamedTuple):
    """One partition as it was sealed: how many records, the last offset, roots of its full blocks and of the rest, chain heads by key."""

    records: int
    last: int
    blocks: tuple[bytes, ...]
    tail: bytes
    heads: dict[bytes, Head]
