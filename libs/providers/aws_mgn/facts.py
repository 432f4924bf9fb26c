"""What an inspection finds out; a plan is derived from this and the request alone."""

from typing import Any

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an inspection found; what could not be looked at is left as it is here and reported as a problem."""

    account: str = ""
    replicating: int = 0
    """Servers that replicate in the region now, this one aside."""
    replicating_quota: int = 20
    job_quota: int = 200
    """Servers that one job may hold; every job of a move holds one."""
    quotas_known: bool = False
    """False when the account does not let us see its quotas: then the vendor's defaults stand here."""
    source_server_id: str = ""
    """Set when the agent is already installed with the migration's tag."""
    record: dict[str, Any] | None = None
    """The address record as it is, when one is to be switched."""
    item: dict[str, Any] = {}
    """The fields of the configuration item that will be set, as they are."""
    factory: dict[str, str] = {}
    """Status of server and wave in Cloud Migration Factory."""
