"""What a database holds, read from its catalogs."""

import msgspec

from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.names import qualified

USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'whimbrel')"
"""Condition on pg_namespace n: schemas that move."""

OWN = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = {catalog}::regclass AND d.objid = {oid} AND d.deptype = 'e')"
"""Condition: the object is not part of an extension."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table or partitioned table of the user."""

    schema: str
    name: str
    kind: str
    """r for a table, p for a partitioned one."""
    logged: bool
    identity: str
    """Replica identity: key, full or none."""
    primary_key: bool
    """Whether an immediate primary key exists, which could serve as identity."""
    incomparable: list[str]
    """Columns whose type has no equality, so that a whole row cannot serve as identity."""
    rows: int
    """Estimate of the planner, 0 when never analysed."""
    bytes: int

    @property
    def sql(self) -> str:
        """Quoted, qualified name."""
        return qualified(self.schema, self.name)

    @property
    def label(self) -> str:
        """Name for people."""
        return f"{self.schema}.{self.name}"


TABLES = f"""
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relpersistence = 'p' AS logged,
  CASE WHEN c.relreplident = 'f' THEN 'full'
       WHEN c.relreplident = 'd' AND pk.ok OR c.relreplident = 'i' AND ri.ok THEN 'key' ELSE 'none' END AS identity,
  coalesce(pk.ok, false) AS primary_key,
  ARRAY(SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND coalesce(nullif(t.typbasetype, 0), t.oid) IN ('json'::regtype, 'xml'::regtype, 'point'::regtype, 'polygon'::regtype)
        ORDER BY a.attnum) AS incomparable,
  greatest(c.reltuples, 0)::bigint AS rows, pg_table_size(c.oid) AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (SELECT true AS ok FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid) pk ON true
LEFT JOIN LATERAL (SELECT true AS ok FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indimmediate AND i.indisvalid) ri ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {USER_SCHEMA} AND {OWN.format(catalog="'pg_class'", oid="c.oid")}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""

SEQUENCES = f"""
SELECT n.nspname AS schema, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {USER_SCHEMA} AND {OWN.format(catalog="'pg_class'", oid="c.oid")}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""

MATERIALISED_VIEWS = f"""
SELECT n.nspname AS schema, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated AND {USER_SCHEMA} AND {OWN.format(catalog="'pg_class'", oid="c.oid")}
ORDER BY c.oid
"""


async def tables(connection: Connection) -> list[Table]:
    """Every table and partitioned table of the user, sorted by name."""
    return [msgspec.convert(dict(row), Table) for row in await connection.fetch(TABLES)]


def replicated(found: list[Table]) -> list[Table]:
    """The tables whose rows logical replication moves: logged and with rows of their own."""
    return [table for table in found if table.kind == "r" and table.logged]


def unlogged(found: list[Table]) -> list[Table]:
    """The tables whose rows are in no log."""
    return [table for table in found if table.kind == "r" and not table.logged]


async def sequences(connection: Connection) -> list[str]:
    """Quoted names of the sequences, those of serial and identity columns included."""
    return [qualified(row["schema"], row["name"]) for row in await connection.fetch(SEQUENCES)]


async def materialised_views(connection: Connection) -> list[str]:
    """Quoted names of the populated materialised views, oldest first, which is an order of dependency for most."""
    return [qualified(row["schema"], row["name"]) for row in await connection.fetch(MATERIALISED_VIEWS)]
