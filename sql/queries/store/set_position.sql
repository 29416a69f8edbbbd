-- Notes the newest batch of this transaction. Parameters: holder, epoch, sequence.
update bgptui.positions
set epoch = %(epoch)s, sequence = %(sequence)s, updated_at = clock_timestamp()
where holder = %(holder)s
