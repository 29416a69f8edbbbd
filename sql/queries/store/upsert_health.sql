-- A collector's health, by the database's clock. Parameters: holder, document (JSON text).
insert into public.collector_health (holder, document) values (%(holder)s, %(document)s::jsonb)
on conflict (holder) do update set document = excluded.document, updated_at = clock_timestamp()
