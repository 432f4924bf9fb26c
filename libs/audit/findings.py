"""What an audit finds. Pure."""

from typing import NamedTuple

from libs.audit.record import Place

KEPT = 1_000
"""Findings that are kept; more are only counted, for the first ones matter."""


class Finding(NamedTuple):
    """One contradiction. `offset` is the first position that cannot be trusted, `line` where that is in an export (0: not in one)."""

    topic: str
    partition: int
    offset: int
    code: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line else ""
        return f"{self.topic}/{self.partition} offset {self.offset}{where}: {self.message}"


class Findings:
    """Findings in the order of the log."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Finding] = []

    def add(self, place: Place, offset: int, code: str, message: str, line: int = 0) -> None:
        """Note one."""
        self.count += 1
        if len(self._kept) < KEPT:
            self._kept.append(Finding(*place, offset, code, message, line))

    def named_within(self, place: Place, first: int, last: int) -> bool:
        """Whether a place between two offsets was named exactly, and not only by a seal."""
        return any(found[:2] == place and first <= found.offset <= last and found.code != "not_as_sealed" for found in self._kept)

    @property
    def ordered(self) -> list[Finding]:
        """The findings kept, by position."""
        return sorted(self._kept)
