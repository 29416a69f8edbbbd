-- People ask the processes that collect to read the watchlist again, from a console on any machine.

create table bgptui.watch_reloads (
  request_id   bigint generated always as identity primary key,
  requested_at timestamptz not null default clock_timestamp(),
  operator     text not null
);
comment on table bgptui.watch_reloads is
  'Requests to read the watchlist again; each process that collects answers each; kept for a day.';
comment on column bgptui.watch_reloads.requested_at is 'By the database''s clock.';
comment on column bgptui.watch_reloads.operator is 'Who asked.';

create table bgptui.watch_reload_answers (
  request_id  bigint not null references bgptui.watch_reloads on delete cascade,
  holder      text not null,
  is_done     boolean not null,
  said        text not null,
  ended       bigint not null,
  otherwise   bigint not null,
  answered_at timestamptz not null default clock_timestamp(),
  primary key (request_id, holder)
);
comment on table bgptui.watch_reload_answers is 'What came of a request in one process.';
comment on column bgptui.watch_reload_answers.holder is 'The process, as in collector_leases.';
comment on column bgptui.watch_reload_answers.is_done is
  'The new watchlist is in force; otherwise the old one is.';
comment on column bgptui.watch_reload_answers.said is
  'What changed in it, or what is wrong with the file.';
comment on column bgptui.watch_reload_answers.ended is 'Routes of peers that fire no more.';
comment on column bgptui.watch_reload_answers.otherwise is
  'Routes of peers that fire anew, or in another way.';
comment on column bgptui.watch_reload_answers.answered_at is 'By the database''s clock.';
