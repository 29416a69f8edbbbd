-- How far a replay is with this transaction.
-- Parameters: fingerprint, messages, features, scores, events, event_updates, changes.
update bgptui.replays
set messages = %(messages)s, features = %(features)s, scores = %(scores)s, events = %(events)s,
    event_updates = %(event_updates)s, changes = %(changes)s
where fingerprint = %(fingerprint)s
