-- The id of the current transaction, to ask about later. Result: xid (text).
select pg_current_xact_id()::text
