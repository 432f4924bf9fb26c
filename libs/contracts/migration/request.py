"""What is asked of a migration. The command, the first event and the state carry the same record."""

import msgspec

from libs.contracts.migration.approvals import ApprovalTerms


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be moved, from where to where, and under which conditions."""

    provider: str
    """Kind of provider that moves it, e.g. postgres."""
    application: str
    """Name of the application that the thing moved belongs to."""
    source: str
    """Where it is now, as a JSON object that the provider understands; secrets only by reference."""
    target: str
    """Where it shall be, as a JSON object that the provider understands; secrets only by reference."""
    options: str = ""
    """Settings of the provider, as a JSON object; empty for none."""
    wave: str = ""
    """Name of the wave it moves with; empty for none."""
    depends_on: tuple[str, ...] = ()
    """Ids of migrations of the same tenant that must be completed first."""
    callback_url: str = ""
    """Where signed callbacks about this migration are sent; empty for none."""
    due_at: int = 0
    """When it must be done, in microseconds since the epoch; 0 for no due date."""
    labels: dict[str, str] = {}
    """Free labels to find it by."""
    on_failure: str = "rollback"
    """What follows when a step has failed before the point of no return: rollback, or hold for an operator."""
    approval: bool = False
    """True when a person must approve before the first step of the phase cutting_over."""
    approvals: tuple[ApprovalTerms, ...] = ()
    """Further go/no-go gates of the plan; at most 16."""
    rehearses: str = ""
    """Id of the migration of the same tenant whose way back this one rehearses by going back; empty for none."""
    limits: tuple[str, ...] = ()
    """Ids of capacities that it needs a slot of before it begins, e.g. limit/host=esx-1; at most 32."""
    retention_seconds: int = 0
    """How long after its end it stays in live state before it is archived, in seconds; 0 for the standard of 30 days."""
