-- The newest batch of a collector that is in the tables; 0 before the first. Waits for a
-- transaction of the same collector that is still being committed.
-- Parameters: holder, epoch. Result: sequence.
insert into bgptui.positions (holder, epoch, sequence) values (%(holder)s, %(epoch)s, 0)
on conflict (holder) do update set epoch = excluded.epoch
returning sequence
