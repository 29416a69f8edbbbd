-- The database. Columns: name, license (of TimescaleDB; null without), schema_version (null
-- before the first migration), size_bytes.
select current_database() as name,
       bgptui.tsdb() as license,
       (select max(version) from public.schema_migrations) as schema_version,
       pg_database_size(current_database()) as size_bytes
