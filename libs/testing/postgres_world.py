"""A database with everything that makes schemas awkward, and a way to compare databases."""

import asyncpg

ROLES = ("owner of things", "reader")

NASTY = """
CREATE EXTENSION hstore;
CREATE EXTENSION pg_trgm;
CREATE SCHEMA "Odd Schéma";
CREATE SCHEMA sales AUTHORIZATION "owner of things";
COMMENT ON SCHEMA sales IS 'what we sell; it''s "quoted"';
GRANT USAGE ON SCHEMA sales TO reader;

CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'very happy');
CREATE DOMAIN public.positive AS integer CHECK (VALUE > 0);
CREATE TYPE public.point3 AS (x double precision, y double precision, z double precision);
CREATE TYPE public.span AS RANGE (subtype = timestamptz);
CREATE SEQUENCE public.loose_seq START 100 INCREMENT 7;
CREATE FUNCTION public.shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper($1) || '!' $$;
CREATE AGGREGATE public.product(double precision) (SFUNC = float8mul, STYPE = double precision, INITCOND = '1');

CREATE TABLE public.customer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, mood public.mood DEFAULT 'ok', age public.positive,
  place public.point3, tags text[], extra jsonb, raw bytea, attributes hstore, at timestamptz DEFAULT now(),
  shouted text GENERATED ALWAYS AS (public.shout(name)) STORED, gone text, UNIQUE (name, at));
ALTER TABLE public.customer DROP COLUMN gone;
CREATE INDEX customer_lower ON public.customer (lower(name)) WHERE mood <> 'sad';
CREATE INDEX customer_trgm ON public.customer USING gin (name gin_trgm_ops);
COMMENT ON COLUMN public.customer.extra IS 'anything \\ at all';
ALTER TABLE public.customer OWNER TO "owner of things";
GRANT SELECT ON public.customer TO reader;

CREATE TABLE sales."order" (
  id serial PRIMARY KEY, customer bigint REFERENCES public.customer ON DELETE CASCADE, total numeric(30, 10) CHECK (total <> 0),
  unbounded numeric, day date, clock timestamp, length interval, small real, big double precision, during public.span);
CREATE TABLE "Odd Schéma"."Ta'ble ""with"" all" ("K ey" text, "ü.n" int, PRIMARY KEY ("K ey", "ü.n"));
CREATE TABLE public.log (id bigint, day date NOT NULL, line text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE public.log_2025 PARTITION OF public.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.log_2026 PARTITION OF public.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.log_rest PARTITION OF public.log DEFAULT;
CREATE TABLE public.by_index (a int NOT NULL, b text);
CREATE UNIQUE INDEX by_index_key ON public.by_index (a);
ALTER TABLE public.by_index REPLICA IDENTITY USING INDEX by_index_key;
CREATE TABLE public.keyless (a int, b text);
CREATE TABLE public.empty (id int PRIMARY KEY);
CREATE UNLOGGED TABLE public.session (id text PRIMARY KEY, data jsonb, made text GENERATED ALWAYS AS (id || '!') STORED);
CREATE TABLE public.audit (id bigserial PRIMARY KEY, what text);

CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO public.audit (what) VALUES (TG_OP || ' ' || coalesce(NEW.id, OLD.id)); RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON sales."order" FOR EACH ROW EXECUTE FUNCTION public.note();
ALTER TABLE public.empty ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON public.empty TO reader USING (false);

CREATE VIEW public.happy AS SELECT id, name FROM public.customer WHERE mood = 'very happy';
CREATE MATERIALIZED VIEW sales.by_mood AS SELECT mood, count(*) AS customers FROM public.customer GROUP BY mood;
CREATE MATERIALIZED VIEW sales.top AS SELECT max(customers) AS top FROM sales.by_mood;
CREATE RULE ignore AS ON DELETE TO public.empty DO INSTEAD NOTHING;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE "owner of things" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
"""

ROWS = """
INSERT INTO public.customer (name, mood, age, place, tags, extra, raw, attributes, at)
SELECT 'name ' || g, (ARRAY['sad', 'ok', 'very happy'])[1 + g % 3]::public.mood, 1 + g, (g, 'NaN', '-Infinity')::public.point3,
  ARRAY['a', NULL, 'q"' || g], jsonb_build_object('n', g, 'deep', jsonb_build_array(1.50, null, 'x')), decode(md5(g::text), 'hex'),
  hstore('k', g::text), CASE WHEN g = 1 THEN 'infinity' WHEN g = 2 THEN '-infinity' ELSE timestamptz '2026-01-01 00:00:00.123456+05:30' END
FROM generate_series(1, 500) g;
INSERT INTO sales."order" (customer, total, unbounded, day, clock, length, small, big, during)
SELECT 1 + g % 500, 12345678901234567890.0123456789, (ARRAY['NaN', 'Infinity', '-Infinity', '1e-200', '9e400'])[1 + g % 5]::numeric,
  (ARRAY['infinity', '4713-01-01 BC', '5874897-12-31'])[1 + g % 3]::date, (ARRAY['-infinity', '294276-12-31 23:59:59.999999'])[1 + g % 2]::timestamp,
  make_interval(months => g, days => -g, secs => 0.1), 'NaN', 1e308 / g, public.span('2026-01-01', '2026-02-01')
FROM generate_series(1, 1000) g;
INSERT INTO "Odd Schéma"."Ta'ble ""with"" all" SELECT E'tab\\t and \\u2603 ' || g, g FROM generate_series(1, 50) g;
INSERT INTO public.log SELECT g, date '2024-06-01' + g, repeat('x', g) FROM generate_series(1, 900) g;
INSERT INTO public.by_index SELECT g, 'b' || g FROM generate_series(1, 100) g;
INSERT INTO public.keyless SELECT g % 10, 'twin' FROM generate_series(1, 100) g;
INSERT INTO public.session SELECT 's' || g, '{"a": null}' FROM generate_series(1, 30) g;
SELECT nextval('public.loose_seq'), nextval('public.loose_seq');
SELECT lo_from_bytea(0, decode(repeat('00ff10', 1000), 'hex')), lo_from_bytea(0, '');
REFRESH MATERIALIZED VIEW sales.by_mood;
REFRESH MATERIALIZED VIEW sales.top;
"""

PARTS = {
    "objects": """
      SELECT i.type || ' ' || i.identity FROM (
        SELECT 'pg_class'::regclass AS c, oid FROM pg_class WHERE relnamespace IN ({schemas}) AND relkind <> 't'
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace IN ({schemas})
        UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace IN ({schemas})
        UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace IN ({schemas})
        UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension) o, pg_identify_object(o.c, o.oid, 0) i""",
    "triggers": """
      SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger
      WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ({schemas}))""",
    "identities": "SELECT oid::regclass || ' ' || relreplident::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN ({schemas})",
    "access": "SELECT oid::regclass || ' ' || relowner::regrole || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace IN ({schemas})",
    "schemas": """
      SELECT nspname || ' ' || nspowner::regrole || ' ' || coalesce(nspacl::text, '') || ' ' || coalesce(obj_description(oid, 'pg_namespace'), '')
      FROM pg_namespace WHERE oid IN ({schemas})""",
    "publications": "SELECT pubname || ' ' || count(r.oid) FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid GROUP BY pubname",
    "slots": "SELECT slot_name FROM pg_replication_slots WHERE database = current_database() AND slot_name !~ '_sync_'",
    "subscriptions": "SELECT subname || ' ' || subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()",
    "settings": """
      SELECT s.setrole::text || s.setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = current_database()""",
    "default privileges": "SELECT defaclrole::regrole || ' ' || defaclnamespace::regnamespace || defaclobjtype::text || defaclacl::text FROM pg_default_acl",
    "views": "SELECT oid::regclass || ' ' || relispopulated FROM pg_class WHERE relkind = 'm'",
    "large objects": "SELECT oid || ' ' || lomowner::regrole || ' ' || md5(lo_get(oid)) FROM pg_largeobject_metadata",
}
"""What makes two databases the same apart from rows and sequences; schema whimbrel is bookkeeping and left out."""

SCHEMAS = "SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'whimbrel')"

Shape = dict[str, list[str]]


async def fill(dsn: str) -> None:
    """Make the awkward database in an empty one; the roles must exist."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(NASTY)
        await connection.execute(ROWS)
    finally:
        await connection.close()


async def shape(dsn: str) -> Shape:
    """Everything of a database that can be compared, but rows and sequences."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "whimbrel/look", "search_path": "pg_catalog"})
    try:
        return {
            part: sorted(str(row[0]) for row in await connection.fetch(query.replace("{schemas}", SCHEMAS)))
            for part, query in PARTS.items()
        }
    finally:
        await connection.close()


async def guarded(dsn: str) -> bool:
    """Whether a migration is recorded as keeping a database read-only."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "whimbrel/look"})
    try:
        if not await connection.fetchval("SELECT to_regclass('whimbrel.guard') IS NOT NULL"):
            return False
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM whimbrel.guard)"))
    finally:
        await connection.close()


async def contents(dsn: str) -> dict[str, str]:
    """A digest of the rows of each table, partition and materialised view, and the state of each sequence."""
    connection = await asyncpg.connect(
        dsn, server_settings={"application_name": "whimbrel/look", "search_path": "pg_catalog", "timezone": "UTC"}
    )
    try:
        query = f"SELECT oid::regclass::text, relkind::text FROM pg_class WHERE relkind IN ('r', 'm', 'S') AND relnamespace IN ({SCHEMAS}) AND (relkind <> 'm' OR relispopulated)"
        found: dict[str, str] = {}
        for name, kind in await connection.fetch(query):
            look = "last_value || ' ' || is_called" if kind == "S" else "md5(string_agg((t.*)::text, E'\\n' ORDER BY (t.*)::text))"
            found[name] = str(await connection.fetchval(f"SELECT {look} FROM {name} t"))
        return found
    finally:
        await connection.close()
