-- Parameters, by place: lstm, isolation_forest, heuristic; each may be null. Result: the score.
select public.calculate_ensemble_score(%s, %s, %s)
