"""Small value types shared by the messages."""

from typing import TypeAlias

import msgspec

Scalar: TypeAlias = bool | int | float | str
Evidence: TypeAlias = dict[str, Scalar]
END_OF_TIME = 253_402_300_800_000_000
"""First moment, in microseconds since the epoch, that RFC 3339 cannot name: the year 10000."""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, said so that a person can mend it and a program can branch on it."""

    code: str
    """Stable, machine-readable code in lower snake case, e.g. wal_level_not_logical."""
    category: str
    """Error class of the taxonomy: migration, validation, prerequisite, source_preparation, migration_execution, verification, cutover or rollback."""
    message: str
    """What is wrong, in one sentence, naming the object concerned."""
    remedy: str = ""
    """What to do about it, in one sentence; empty when there is nothing to do but wait or ask."""
    field: str = ""
    """JSON Pointer into the request of the value at fault; empty when no single value is."""
