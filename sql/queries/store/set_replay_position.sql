-- How far a replay is with this transaction.
-- Parameters: fingerprint, messages, features, scores, events, changes.
update bgptui.replays
set messages = %(messages)s, features = %(features)s, scores = %(scores)s, events = %(events)s,
    changes = %(changes)s
where fingerprint = %(fingerprint)s
