-- What is believed of the watched VRPs. Parameters: document.
insert into bgptui.watched_vrps as w (document) values (%(document)s::jsonb)
on conflict (only_row) do update set document = excluded.document, updated_at = clock_timestamp()
