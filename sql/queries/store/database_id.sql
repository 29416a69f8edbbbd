-- Tells this database from every other. Result: id (text, fit for a folder's name).
select bgptui.database_id()
