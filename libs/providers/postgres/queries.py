"""The queries of an inspection."""

from libs.providers.postgres.catalog import USER_SCHEMA

SERVER = """
SELECT current_setting('server_version_num')::int AS version,
  (SELECT system_identifier::text FROM pg_control_system()) || '/' || d.oid AS system,
  pg_is_in_recovery() AS standby, pg_encoding_to_char(d.encoding) AS encoding, current_setting('wal_level') AS wal_level,
  current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)::int AS free_slots,
  current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender')::int AS free_senders,
  current_setting('max_logical_replication_workers')::int AS workers,
  current_setting('max_sync_workers_per_subscription')::int AS sync_workers,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
  pg_database_size(d.oid) AS bytes, current_setting('max_slot_wal_keep_size') AS slot_wal_limit
FROM pg_database d WHERE d.datname = current_database()
"""

COLLATION = "SELECT concat_ws(' ', datcollate, datctype, datlocprovider, daticulocale) FROM pg_database WHERE datname = current_database()"
COLLATION_17 = "SELECT concat_ws(' ', datcollate, datctype, datlocprovider, datlocale) FROM pg_database WHERE datname = current_database()"

LACKING = f"""
SELECT 'the attribute REPLICATION' FROM pg_roles WHERE rolname = current_user AND NOT rolreplication
UNION ALL SELECT 'ownership of the database' FROM pg_database WHERE datname = current_database() AND NOT pg_has_role(datdba, 'USAGE')
UNION ALL SELECT 'CREATE on the database' WHERE NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL SELECT 'membership of pg_create_subscription' FROM pg_roles
  WHERE rolname = 'pg_create_subscription' AND NOT pg_has_role(oid, 'USAGE')
UNION ALL SELECT 'superuser rights, which subscriptions need before version 16'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_create_subscription')
UNION ALL SELECT 'ownership of ' || count(*) || ' tables, first ' || min(c.oid::regclass::text)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMA} AND NOT pg_has_role(c.relowner, 'USAGE') HAVING count(*) > 0
"""

EXTENSIONS = "SELECT extname::text AS name, extversion AS version FROM pg_extension ORDER BY 1"
OFFERED = """
SELECT a.name::text AS name, coalesce(a.installed_version, a.default_version) AS version FROM pg_available_extensions a WHERE a.name = ANY ($1)
"""

ROLES = f"""
SELECT DISTINCT r.rolname::text FROM (
  SELECT relowner AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA}
  UNION SELECT proowner FROM pg_proc c JOIN pg_namespace n ON n.oid = c.pronamespace WHERE {USER_SCHEMA}
  UNION SELECT typowner FROM pg_type c JOIN pg_namespace n ON n.oid = c.typnamespace WHERE {USER_SCHEMA}
  UNION SELECT nspowner FROM pg_namespace n WHERE {USER_SCHEMA} AND n.nspname <> 'public'
  UNION SELECT a.grantee FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a WHERE {USER_SCHEMA}
  UNION SELECT a.grantee FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        aclexplode(t.attacl) a WHERE {USER_SCHEMA}
  UNION SELECT a.grantee FROM pg_proc c JOIN pg_namespace n ON n.oid = c.pronamespace, aclexplode(c.proacl) a WHERE {USER_SCHEMA}
  UNION SELECT a.grantee FROM pg_type c JOIN pg_namespace n ON n.oid = c.typnamespace, aclexplode(c.typacl) a WHERE {USER_SCHEMA}
  UNION SELECT a.grantee FROM pg_namespace n, aclexplode(n.nspacl) a WHERE {USER_SCHEMA}
  UNION SELECT defaclrole FROM pg_default_acl
  UNION SELECT a.grantee FROM pg_default_acl, aclexplode(defaclacl) a
  UNION SELECT unnest(polroles) FROM pg_policy
  UNION SELECT lomowner FROM pg_largeobject_metadata
) o JOIN pg_roles r ON r.oid = o.oid WHERE r.rolname !~ '^pg_' ORDER BY 1
"""

SUBSCRIPTIONS = """
SELECT s.subname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
WHERE d.datname = current_database() AND s.subenabled ORDER BY 1
"""

LEFT_BEHIND = f"""
SELECT 'Publication ' || pubname || ' is not moved.' FROM pg_publication
UNION ALL SELECT 'Replication slot ' || slot_name || ' and its reader are not moved.' FROM pg_replication_slots WHERE database = current_database()
UNION ALL SELECT 'Subscription ' || subname || ' is not moved.' FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE datname = current_database()
UNION ALL SELECT 'Setting ' || split_part(c, '=', 1) || ' of ' || CASE WHEN s.setrole = 0 THEN 'the database' ELSE 'role ' || s.setrole::regrole END || ' is not moved.'
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c WHERE d.datname = current_database()
UNION ALL SELECT 'Comments and grants of the database itself are not moved.' FROM pg_database d
  WHERE d.datname = current_database() AND (d.datacl IS NOT NULL OR shobj_description(d.oid, 'pg_database') IS NOT NULL AND d.oid >= 16384)
UNION ALL SELECT 'The rows behind foreign table ' || c.oid::regclass || ' are not moved, only its definition.' FROM pg_class c WHERE c.relkind = 'f'
UNION ALL SELECT 'Rows of table ' || c.oid::regclass || ', which belongs to extension ' || e.extname || ', are not moved.'
  FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'
UNION ALL SELECT 'Tablespace ' || t.spcname || ' of ' || c.oid::regclass || ' is not kept.' FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA}
UNION ALL SELECT 'The security label of ' || objname || ' is not moved.' FROM pg_seclabels
UNION ALL SELECT 'Trigger ' || g.tgname || ' of ' || g.tgrelid::regclass || ' also fires while rows are replicated, and may repeat what it did at the source.'
  FROM pg_trigger g WHERE NOT g.tgisinternal AND g.tgenabled IN ('A', 'R')
UNION ALL SELECT 'Rows of temporary tables are not moved.' WHERE EXISTS (SELECT FROM pg_class WHERE relpersistence = 't' AND relkind = 'r')
UNION ALL SELECT 'Rules and grants of large objects are not moved, only contents and owner.' WHERE EXISTS (SELECT FROM pg_largeobject_metadata WHERE lomacl IS NOT NULL)
ORDER BY 1
"""
