"""How a member of a wave stands: one letter each, so that ten thousand are ten kilobytes and are counted and found as bytes."""

from typing import Final

PLANNED: Final = ord("p")
"""Something that it depends on is not completed."""
READY: Final = ord("r")
"""Everything that it depends on is completed."""
TOLD: Final = ord("t")
"""It was admitted, and has not been heard of since."""
STAYED: Final = ord("h")
"""It was admitted, but came to wait for that only while the wave admitted nobody: it is told once more."""
ACTIVE: Final = ord("a")
"""It was admitted and is there: what it is told arrives."""
FAILED: Final = ord("f")
"""A step has failed for good, and it is held for an operator; the source works."""
STUCK: Final = ord("s")
"""It goes back, and a compensation has failed for good."""
UNDECLARED: Final = ord("u")
"""It declined its admission: the wave does not know everything it depends on."""
GOING_BACK: Final = ord("k")
"""It was told to roll back."""
COMPLETED: Final = ord("c")
ROLLED_BACK: Final = ord("b")
CANCELLED: Final = ord("x")
REJECTED: Final = ord("j")
"""Its prerequisites do not hold; nothing was touched."""

NAMES: dict[int, str] = {
    PLANNED: "planned",
    READY: "ready",
    TOLD: "admitted",
    STAYED: "admitted",
    ACTIVE: "running",
    FAILED: "failed",
    STUCK: "stuck",
    UNDECLARED: "undeclared",
    GOING_BACK: "rolling_back",
    COMPLETED: "completed",
    ROLLED_BACK: "rolled_back",
    CANCELLED: "cancelled",
    REJECTED: "rejected",
}
ENDS: dict[str, int] = {"completed": COMPLETED, "rolled_back": ROLLED_BACK, "cancelled": CANCELLED, "rejected": REJECTED}
ENDED = bytes(ENDS.values())
NOT_ADMITTED = bytes((PLANNED, READY, UNDECLARED))
UNDER_WAY = bytes((TOLD, STAYED, ACTIVE, FAILED, STUCK, GOING_BACK))
"""Admitted and not ended: what counts as running at once, whatever became of it meanwhile."""
FAILURES = bytes((ROLLED_BACK, REJECTED, FAILED, STUCK, UNDECLARED))
"""What uses up the failure budget."""


def count(members: bytes, letters: bytes) -> int:
    """How many members stand in one of these ways."""
    return len(members) - len(members.translate(None, letters))


def standing(members: bytes) -> dict[str, int]:
    """How many members stand in which way, by name; ways nobody stands in are left out."""
    found: dict[str, int] = {}
    for letter, name in NAMES.items():
        number = members.count(letter)
        if number:
            found[name] = found.get(name, 0) + number
    return found
