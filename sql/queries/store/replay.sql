-- A replay and how far it came. Parameters: fingerprint.
-- Columns: finished, the first ids, the positions; no row for one that was never begun.
select finished_at is not null as finished,
       first_feature_id, first_result_id, first_event_id, first_alert_id,
       messages, features, scores, events, event_updates, changes
from bgptui.replays where fingerprint = %(fingerprint)s
