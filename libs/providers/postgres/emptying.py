"""Whether a database is empty, and making it so again."""

from typing import Any

import msgspec

from libs.providers.postgres.catalog import USER_SCHEMA
from libs.providers.postgres.connecting import Connection
from libs.providers.postgres.names import identifier

OWN = (
    "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = {catalog}::regclass AND d.objid = {oid} AND d.deptype IN ('e', 'i')"
    " AND (d.refclassid, d.refobjid) <> (d.classid, d.objid))"
)
"""Condition: the object is part of neither an extension nor another object, with which it goes; partitioned tables are part of themselves."""

IN_SCHEMAS = {
    "pg_class": ("relnamespace", "c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"),
    "pg_proc": ("pronamespace", "true"),
    "pg_type": (
        "typnamespace",
        "(c.typtype IN ('d', 'e', 'r') OR c.typtype = 'b' AND c.typcategory <> 'A'"
        " OR c.typtype = 'c' AND (SELECT relkind FROM pg_class WHERE oid = c.typrelid) = 'c')",
    ),
    "pg_collation": ("collnamespace", "true"),
    "pg_conversion": ("connamespace", "true"),
    "pg_operator": ("oprnamespace", "true"),
    "pg_opclass": ("opcnamespace", "true"),
    "pg_opfamily": ("opfnamespace", "true"),
    "pg_statistic_ext": ("stxnamespace", "true"),
    "pg_ts_config": ("cfgnamespace", "true"),
    "pg_ts_dict": ("dictnamespace", "true"),
    "pg_ts_parser": ("prsnamespace", "true"),
    "pg_ts_template": ("tmplnamespace", "true"),
}
"""Catalogs of objects that lie in a schema: the column of the schema, and which rows are objects of their own."""

FIRST_USER_OID = 16_384

OUTSIDE_SCHEMAS = ("pg_event_trigger", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_cast", "pg_language", "pg_am")
"""Catalogs of objects that lie in no schema."""


def _objects() -> str:
    parts = [
        f"SELECT '{catalog}'::regclass AS classid, c.oid FROM {catalog} c JOIN pg_namespace n ON n.oid = c.{column}"
        f" WHERE {USER_SCHEMA} AND {condition} AND {OWN.format(catalog=repr(catalog), oid='c.oid')}"
        for catalog, (column, condition) in IN_SCHEMAS.items()
    ]
    parts += [
        f"SELECT '{catalog}'::regclass, c.oid FROM {catalog} c WHERE c.oid >= {FIRST_USER_OID} AND {OWN.format(catalog=repr(catalog), oid='c.oid')}"
        for catalog in OUTSIDE_SCHEMAS
    ]
    return f"SELECT i.type, i.identity FROM ({' UNION ALL '.join(parts)}) o, pg_identify_object(o.classid, o.oid, 0) i ORDER BY 1, 2"


OBJECTS = _objects()

SCHEMAS = f"""
SELECT n.nspname AS name, n.nspowner::regrole::text AS owner, obj_description(n.oid, 'pg_namespace') AS comment,
  ARRAY(SELECT format('%s ON SCHEMA %I %s %s', a.privilege_type, n.nspname, '%s',
               CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a ORDER BY 1) AS grants
FROM pg_namespace n WHERE {USER_SCHEMA} ORDER BY 1
"""


DEFAULT_PRIVILEGES = """
WITH entry AS (
  SELECT defaclrole AS role, nspname AS schema, defaclobjtype AS type, defaclacl AS acl,
    CASE WHEN nspname IS NULL THEN acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END, defaclrole) END AS plain
  FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace
), change AS (
  SELECT entry.*, 'REVOKE %s ON %s FROM %s' AS what, a.privilege_type, a.grantee FROM entry, aclexplode(acl) a
  WHERE NOT EXISTS (SELECT FROM aclexplode(plain) p WHERE (p.grantee, p.privilege_type) = (a.grantee, a.privilege_type))
  UNION ALL
  SELECT entry.*, 'GRANT %s ON %s TO %s', a.privilege_type, a.grantee FROM entry, aclexplode(plain) a
  WHERE NOT EXISTS (SELECT FROM aclexplode(acl) p WHERE (p.grantee, p.privilege_type) = (a.grantee, a.privilege_type))
)
SELECT concat_ws('/', role::regrole, schema, type) AS entry,
  format('ALTER DEFAULT PRIVILEGES FOR ROLE %s ', role::regrole) || coalesce('IN SCHEMA ' || quote_ident(schema) || ' ', '')
  || format(what, privilege_type,
       CASE type WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
                 WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
       CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) AS statement
FROM change ORDER BY 1, 2
"""
"""Entries of default privileges, each with the statements that bring it back to what PostgreSQL does by itself."""


class Schema(msgspec.Struct, frozen=True):
    """A schema that was there before."""

    name: str
    owner: str
    comment: str | None
    grants: list[str]
    """Grants on it, with %s where TO or FROM goes."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What an empty database held before anything was moved into it."""

    schemas: list[Schema]
    extensions: list[str]
    default_privileges: list[str]
    """Entries of default privileges, by role, schema and type of object."""


async def contents(connection: Connection) -> list[str]:
    """Names of everything a user made in a database, extensions and empty schemas aside; large objects as one."""
    found = [f"{row['type']} {row['identity']}" for row in await connection.fetch(OBJECTS)]
    large = await connection.fetchval("SELECT count(*) FROM pg_largeobject_metadata")
    return found + ([f"{large} large objects"] if large else [])


async def baseline(connection: Connection) -> Baseline:
    """Note what an empty database holds."""
    schemas = [msgspec.convert(dict(row), Schema) for row in await connection.fetch(SCHEMAS)]
    return Baseline(
        schemas=schemas,
        extensions=[row[0] for row in await connection.fetch("SELECT extname FROM pg_extension ORDER BY 1")],
        default_privileges=sorted({row["entry"] for row in await connection.fetch(DEFAULT_PRIVILEGES)}),
    )


def as_detail(before: Baseline) -> dict[str, Any]:
    """A baseline as JSON-compatible data."""
    detail: dict[str, Any] = msgspec.to_builtins(before)
    return detail


async def empty(connection: Connection, before: Baseline) -> int:
    """Drop everything that a baseline does not have, and return how many statements that took; call within a transaction."""
    statements = 0
    for row in await connection.fetch("SELECT extname FROM pg_extension WHERE extname <> ALL ($1)", before.extensions):
        await connection.execute(f"DROP EXTENSION IF EXISTS {identifier(row[0])} CASCADE")
        statements += 1
    kept = [schema.name for schema in before.schemas]
    for row in await connection.fetch(f"SELECT n.nspname FROM pg_namespace n WHERE {USER_SCHEMA} AND n.nspname <> ALL ($1)", kept):
        await connection.execute(f"DROP SCHEMA IF EXISTS {identifier(row[0])} CASCADE")
        statements += 1
    while rows := await connection.fetch(f"{OBJECTS} LIMIT 1"):
        await connection.execute(f"DROP {rows[0]['type'].upper()} IF EXISTS {rows[0]['identity']} CASCADE")
        statements += 1
    for row in await connection.fetch(DEFAULT_PRIVILEGES):
        if row["entry"] not in before.default_privileges:
            await connection.execute(row["statement"])
            statements += 1
    await connection.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    await _restore(connection, before.schemas)
    return statements


async def _restore(connection: Connection, schemas: list[Schema]) -> None:
    now = {row["name"]: msgspec.convert(dict(row), Schema) for row in await connection.fetch(SCHEMAS)}
    for schema in schemas:
        current = now.get(schema.name)
        if current is None or current == schema:
            continue
        if current.owner != schema.owner:
            await connection.execute(f"ALTER SCHEMA {identifier(schema.name)} OWNER TO {schema.owner}")
        for grant in sorted(set(current.grants) - set(schema.grants)):
            await connection.execute("REVOKE " + grant % "FROM")
        for grant in sorted(set(schema.grants) - set(current.grants)):
            await connection.execute("GRANT " + grant % "TO")
        comment = "NULL" if schema.comment is None else await connection.fetchval("SELECT quote_literal($1)", schema.comment)
        await connection.execute(f"COMMENT ON SCHEMA {identifier(schema.name)} IS {comment}")
