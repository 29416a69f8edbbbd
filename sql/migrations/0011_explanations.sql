-- Why a minute was found odd, where it was: what the models and rules held it against.

alter table public.ml_results add column feature_error_share real[];
alter table public.ml_results add column baseline_median real[];
alter table public.ml_results add column baseline_spread real[];

comment on column public.ml_results.feature_error_share is 'Of the autoencoder''s error, per feature in the order of the nine columns of features, 0 ... 1; null where nothing was found, or without a model.';
comment on column public.ml_results.baseline_median is 'What is usual for the stream, per feature in its unit; null where nothing was found.';
comment on column public.ml_results.baseline_spread is 'One sigma above baseline_median, less it, per feature; null where nothing was found.';
