-- How the detector does, week by week: what tells that a model has drifted from its training.

create table public.detector_weeks (
  week            timestamptz not null,
  model_version   text not null,
  scored_minutes  bigint not null,
  network_minutes bigint not null,
  median_ensemble double precision not null,
  ml_alerts       bigint not null,
  false_positives bigint not null,
  created_at      timestamptz not null default clock_timestamp(),
  primary key (week, model_version)
);
comment on table public.detector_weeks is 'One row per week and model, written a day after the week''s end; never dropped.';
comment on column public.detector_weeks.week is 'Its start: Monday 00:00 UTC.';
comment on column public.detector_weeks.scored_minutes is 'Rows of ml_results with a score, of streams that were not learning.';
comment on column public.detector_weeks.network_minutes is 'Those of them that are the whole network''s.';
comment on column public.detector_weeks.median_ensemble is 'Of the network''s scores, 0 ... 1.';
comment on column public.detector_weeks.ml_alerts is 'Alerts of type ml_anomaly that opened.';
comment on column public.detector_weeks.false_positives is 'Those of them that are marked as false positives by then.';
comment on column public.detector_weeks.created_at is 'By the database''s clock.';
