-- Files of sql/roles that have been run on this server. Result: file.
select 'sql/roles/' || replace(rolname, 'bgptui_', '') || '.sql' as file
from pg_roles
where rolname in ('bgptui_writer', 'bgptui_reader')
order by file
