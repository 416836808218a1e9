-- Replay, rebuild of a part, indexes after the load. See src/read_models/replay.rs, part.rs, indexes.rs.
alter table highwater.jobs
  drop constraint jobs_kind_check,
  add constraint jobs_kind_check check (kind in ('rebuild', 'promote', 'go_back', 'replay', 'rebuild_part')),
  add replay_from bigint,   -- replay: the first event that is handled again
  add stood_at bigint,      -- where the checkpoint had been; level again when nothing up to there is left
  add stood_tables text[];  -- its tables that had rows then

-- What the tables' part of a shadow's definition makes after the load, as the definition writes it.
alter table highwater.read_model_versions add indexes_later text[] not null default '{}';
