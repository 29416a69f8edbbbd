-- What became of a transaction: committed, aborted, in progress, or null (long ago).
-- Parameters: xid (text).
select pg_xact_status(%(xid)s::xid8)
