-- Forgets collectors whose spool can never be written any more. Parameters: epoch (of the lease).
delete from bgptui.positions where epoch <= %(epoch)s
