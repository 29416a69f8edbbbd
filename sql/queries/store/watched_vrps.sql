-- What was believed of the watched VRPs, if anything. Columns: document.
select document::text from bgptui.watched_vrps
