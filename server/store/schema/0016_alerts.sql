-- Alerts: the rules, what fires by them, and what is told of it. See src/alerts.

create table highwater.alert_rules (
  name text collate "C" primary key check (char_length(name) between 1 and 60),
  kind text not null check (kind in ('lag_seconds', 'faulted', 'stalled', 'mark_age', 'check')),
  of_what text not null check (of_what in ('read_model', 'subscription', 'mark', 'check')),
  pattern text not null,       -- of names; a star stands for any characters
  seconds int not null,        -- 0: its kind has none
  for_s int not null,
  enabled boolean not null,
  webhook text,
  secret text,                 -- as it is: what is told is signed by it, and it is answered to nobody
  made_by text not null,
  made_at timestamptz not null default clock_timestamp()
);

-- A rule, and one thing that it found wrong. What was wrong for too short a time to fire has no row any more.
create table highwater.alerts (
  alert_id bigint generated always as identity primary key,
  rule text collate "C" not null, -- by its name: an alert outlives its rule
  kind text not null,
  of_what text not null,
  subject text not null,
  since timestamptz not null,
  fired_at timestamptz,        -- null: pending
  resolved_at timestamptz,
  value float8,                -- the worst so far
  anchor bigint,               -- the checkpoint that stands still; null: it may move
  words text not null,
  check (resolved_at is null or fired_at is not null)
) with (fillfactor = 70);
-- One thing is wrong by one rule once at a time, whichever server looks.
create unique index alerts_open on highwater.alerts (rule, of_what, subject) where resolved_at is null;
create index alerts_over on highwater.alerts (resolved_at, alert_id) where resolved_at is not null;
create index alerts_rule on highwater.alerts (rule, fired_at);

-- What is told to webhooks, a row for each time that an alert begins to fire or is over: the queue, and what became of it.
create table highwater.alert_tellings (
  telling_id uuid primary key, -- the id of the CloudEvent
  alert_id bigint not null references highwater.alerts on delete cascade,
  body text not null,          -- the same each time that it is sent
  made_at timestamptz not null default clock_timestamp(),
  attempts int not null default 0,
  next_at timestamptz not null default clock_timestamp(), -- not before; while one is being sent, when another server may take it
  told_at timestamptz,
  given_up_at timestamptz,
  error text                   -- of the last attempt, without what the webhook's address may hold
) with (fillfactor = 70);
create index alert_tellings_due on highwater.alert_tellings (next_at) where told_at is null and given_up_at is null;
create index alert_tellings_alert on highwater.alert_tellings (alert_id, made_at);

-- When the rules were looked after last. Of several servers one does it at a time: advisory (7210, 16).
create table highwater.alert_rounds (
  the_only_row boolean primary key default true check (the_only_row),
  evaluated_at timestamptz not null
);
