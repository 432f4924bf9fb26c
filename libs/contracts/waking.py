"""How each aggregate is woken when its time has come: the one table of what the verifier sends (D8)."""

from typing import Any

from libs.contracts.capacity import WakeCapacity
from libs.contracts.migration.commands import WakeMigration

WAKES: dict[str, type[Any]] = {"migration": WakeMigration, "capacity": WakeCapacity}
"""By aggregate: the command, with `wake_at` as its only field. An aggregate without a row is never woken."""
