-- A replay came to its end. Parameters: fingerprint.
update bgptui.replays set finished_at = clock_timestamp() where fingerprint = %(fingerprint)s
