-- A number for a range of ids that nobody else has. Result: number.
select nextval('bgptui.shard_numbers')
