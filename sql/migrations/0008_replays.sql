-- How far each replay into this database came, written in its rows' transactions: one that was
-- killed is run again from its start and writes only what is missing.

create table bgptui.replays (
  fingerprint       text primary key,
  started_at        timestamptz not null default clock_timestamp(),
  finished_at       timestamptz,
  first_feature_id  bigint not null,
  first_result_id   bigint not null,
  first_event_id    bigint not null,
  first_alert_id    bigint not null,
  messages          bigint not null default 0,
  features          bigint not null default 0,
  scores            bigint not null default 0,
  events            bigint not null default 0,
  changes           bigint not null default 0
);
comment on table bgptui.replays is 'Replays into this database and how far they came.';
comment on column bgptui.replays.fingerprint is
  'Of the input, the VRPs, the watchlist, the settings and the program: the same one gives the same rows.';
comment on column bgptui.replays.finished_at is 'Null while it runs, or where it was killed.';
comment on column bgptui.replays.first_feature_id is 'The ids it began with, so that it gives the same ones again.';
comment on column bgptui.replays.messages is 'Messages whose rows are committed; likewise the others.';
comment on column bgptui.replays.changes is 'Alert changes (openings, updates, resolutions) that are committed.';
