-- Event time of the last message that the last collector received, as its health row has it.
-- Columns: timestamp (seconds since 1970 UTC; null where there was none); no row without a collector.
select (document -> 'feed' ->> 'last_message')::float8
from public.collector_health order by updated_at desc limit 1
