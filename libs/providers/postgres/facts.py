"""What an inspection finds out about the two servers; a plan is derived from this and the request alone."""

import msgspec


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One database and the server it is in."""

    version: int
    """As server_version_num, e.g. 180006."""
    system: str
    """System identifier of the cluster and oid of the database: equal only for one and the same database."""
    standby: bool
    encoding: str
    collation: str
    """Collation, character type, locale provider and locale, in one string to compare."""
    wal_level: str
    free_slots: int
    free_senders: int
    workers: int
    """Logical replication workers that the server may run."""
    sync_workers: int
    """Copies that one subscription may run at once."""
    superuser: bool
    lacking: list[str]
    """Privileges that the role lacks; for a superuser none."""
    bytes: int
    slot_wal_limit: str
    """max_slot_wal_keep_size, -1 when unlimited."""
    fenced: bool
    """Whether some migration keeps this database read-only."""


class KeylessTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose rows cannot be told apart."""

    label: str
    incomparable: list[str]
    """Columns whose type has no equality; with any, the table cannot be moved at all."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an inspection found."""

    source: Server
    target: Server
    dump_program: bool
    """Whether there is a pg_dump that suits the source."""
    tables: int
    rows: int
    """Estimate of the planner."""
    keyless: list[KeylessTable]
    unlogged: list[str]
    large_objects: int
    target_contents: list[str]
    """What lies in the target, the first few."""
    extensions_missing: list[str]
    extensions_differing: list[str]
    """Extensions whose version at the target differs, each with both versions."""
    roles_missing: list[str]
    roles: list[str]
    """Roles that own something or were granted something."""
    subscriptions: list[str]
    """Enabled subscriptions of the source."""
    views: int
    """Populated materialised views."""
    left_behind: list[str]
    """What does not move, one sentence each."""
