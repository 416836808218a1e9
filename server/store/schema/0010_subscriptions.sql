-- Subscriptions: named readers of the log with a checkpoint of their own, for programs outside. See src/subscriptions/.

create table highwater.subscriptions (
  subscription_id bigint generated always as identity primary key,
  name text not null unique,
  filter text not null,
  state text not null default 'running' check (state in ('running', 'paused')),
  reason text,                     -- why it is paused
  since timestamptz not null default clock_timestamp(),        -- of the state
  created_at timestamptz not null default clock_timestamp(),
  attempts int not null check (attempts between 1 and 100),
  acknowledge_within interval not null,
  checkpoint bigint not null,      -- nothing at or below it is out or waits
  looked_to bigint not null,       -- the log was looked through up to here; what matched has a row below, or had one
  acknowledged bigint not null default 0,
  check (checkpoint <= looked_to)
) with (fillfactor = 50);

-- What is on its way: a window of the log in front of the checkpoint. A row goes when its event is acknowledged or parked.
create table highwater.subscription_deliveries (
  subscription_id bigint not null references highwater.subscriptions on delete cascade,
  position bigint not null,
  stream_id bigint not null,
  failures int not null default 0,
  error text,                      -- of the last failure
  due_at timestamptz,              -- not before; null: now
  member text,                     -- who has it
  until timestamptz,               -- when it is taken back
  primary key (subscription_id, position),
  check ((member is null) = (until is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);

create table highwater.subscription_parked (
  subscription_id bigint not null references highwater.subscriptions on delete cascade,
  position bigint not null,
  stream_id bigint not null,
  failures int not null,
  error text not null,
  parked_at timestamptz not null default clock_timestamp(),
  primary key (subscription_id, position)
);

create table highwater.subscription_members (
  subscription_id bigint not null references highwater.subscriptions on delete cascade,
  member text not null,
  way text not null check (way in ('http', 'websocket')),
  since timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  acknowledged bigint not null default 0,
  primary key (subscription_id, member)
) with (fillfactor = 50);

-- What was acknowledged by when: rates are differences of it. Kept for an hour.
create table highwater.subscription_history (
  subscription_id bigint not null references highwater.subscriptions on delete cascade,
  at timestamptz not null,
  acknowledged bigint not null,
  primary key (subscription_id, at)
);

-- Actions on subscriptions are on record beside those on read models.
alter table highwater.actions add column subscription text;
create index on highwater.actions (subscription, action_id) where subscription is not null;
