-- Jobs: long operations on a read model, with progress and an outcome. See src/read_models/jobs.rs.
create table highwater.jobs (
  job_id bigint generated always as identity primary key,
  kind text not null check (kind in ('rebuild', 'promote', 'go_back')),
  read_model_id int not null references highwater.read_models,
  -- What it builds, or makes live. A version that is gone leaves its job.
  version_id bigint references highwater.read_model_versions on delete set null,
  actor text not null,
  reason text,
  action_id bigint references highwater.actions, -- the order; what becomes of it follows there
  plan jsonb not null default '{}',
  state text not null check (state in ('planned', 'running', 'done', 'failed', 'cancelled')),
  speed_limit int check (speed_limit > 0), -- events a second; null: as fast as it goes
  handled_before bigint not null default 0, -- events that its version had handled when it began
  worked float8 not null default 0, -- seconds that somebody worked on it
  rate float8 not null default 0,   -- events a second, lately
  swapped_at timestamptz,           -- promote, go back: since then its version is live, and is looked after
  swapped_position bigint,          -- where it stood then
  swapped_tables text[],            -- its tables that had rows then
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  outcome text,
  numbers jsonb not null default '{}'
);
-- One at a time for each read model.
create unique index jobs_running on highwater.jobs (read_model_id) where state in ('planned', 'running');
create index jobs_read_model on highwater.jobs (read_model_id, job_id);
create index jobs_version on highwater.jobs (version_id);

-- When a shadow was compared with the live one; without that nothing is promoted.
alter table highwater.read_model_versions add diffed_at timestamptz;

-- What is left to handle behind a position: every event counted, by the summary of its block.
create function highwater.matching_after(patterns text[], after bigint) returns bigint language sql stable as $$
  select n.events from highwater.next_slice(highwater.types_like(patterns), after, 2147483647, 2147483647) n
$$;
