-- Read models: their versions, checkpoints, failures and lag, and what operators did. See src/read_models/mod.rs for the words.
create table highwater.read_models (
  read_model_id int generated always as identity primary key, -- the second key of its lease: advisory (7211, read_model_id)
  name text collate "C" not null unique,
  source text not null,
  created_at timestamptz not null default now()
);

create table highwater.read_model_versions (
  version_id bigint generated always as identity primary key,
  read_model_id int not null references highwater.read_models,
  number int not null,
  role text not null check (role in ('live', 'shadow', 'previous', 'waiting')),
  definition text not null,
  describe text,
  event_types text[] not null,    -- as the definition writes them
  event_patterns text[] not null, -- the same, for LIKE
  handler text check (handler in ('slice', 'each')), -- null: a projection in code
  policy text not null check (policy in ('stop', 'retry', 'skip')),
  schema_name text, -- null: it has no tables yet
  created_at timestamptz not null default now(),
  unique (read_model_id, number),
  -- Deferrable: a promotion exchanges roles.
  unique (read_model_id, role) deferrable initially immediate
);

-- What moves with every slice, apart from the definition, and with room to change in its page: nothing here is indexed but the key.
create table highwater.read_model_progress (
  version_id bigint primary key references highwater.read_model_versions on delete cascade,
  state text not null check (state in ('starting', 'catching_up', 'live', 'paused', 'faulted', 'stopped')),
  reason text,
  since timestamptz not null default now(),
  generation bigint not null default 0,   -- of its runner; what an older one still does changes nothing
  sliced_after bigint not null default 0, -- the slice: behind this, up to the checkpoint
  checkpoint bigint not null default 0,
  checkpoint_event_id uuid,
  slice_limit int not null default 1000,  -- most events of a slice; the view of the slice has the same limit
  type_ids int[] not null default '{}',   -- types of the slice's events
  handled bigint not null default 0,
  moved_at timestamptz
) with (fillfactor = 30);

create table highwater.read_model_failures (
  version_id bigint not null references highwater.read_model_versions on delete cascade,
  position bigint not null,
  event_id uuid not null,
  error text not null,
  sqlstate text,
  attempts int not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  outcome text not null check (outcome in ('open', 'handled', 'skipped')),
  primary key (version_id, position)
);
create index read_model_failures_open on highwater.read_model_failures (version_id, position) where outcome = 'open';

-- step: seconds. Of a longer step, the worst of its time.
create table highwater.lag_history (
  version_id bigint not null references highwater.read_model_versions on delete cascade,
  step int not null check (step in (1, 10, 60)),
  at timestamptz not null,
  positions bigint not null,
  matching bigint not null,
  capped boolean not null,
  seconds float8 not null,
  handled bigint not null,
  primary key (version_id, step, at)
);
create index lag_history_at on highwater.lag_history (step, at); -- for pruning

-- The audit log. What becomes of an order that takes long is a row of its own, which follows the first.
create table highwater.actions (
  action_id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  read_model text collate "C",
  reason text,
  before jsonb not null default '{}',
  after jsonb not null default '{}',
  outcome text not null,
  follows bigint references highwater.actions
);
create index actions_read_model on highwater.actions (read_model, action_id);
create function highwater.refuse_action_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'HW403';
end $$;
create trigger append_only before update or delete or truncate on highwater.actions
for each statement execute function highwater.refuse_action_change();

-- Types that one of the patterns names. They are looked up for each slice: a type is as old as its first event.
create function highwater.types_like(patterns text[]) returns int[] language sql stable parallel safe as $$
  select coalesce(array_agg(t.type_id), '{}') from highwater.event_types t where t.name like any (patterns)
$$;

-- The events of some types behind a position: up to where a slice of at most `most` of them reaches, how many it has, and which is the
-- first. Without any, up to the head. Whole blocks are counted by their summary; of events, only those are read that lie in the block
-- where the slice begins or ends, or are not counted yet. `blocks` is what it visits at most. Stable: all is of one snapshot.
create function highwater.next_slice(types int[], after bigint, most int, blocks int, out head bigint, out first bigint, out upto bigint, out events bigint)
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
  done bigint := (select c.position from highwater.counted c);
  at_block bigint := after / 10000;
  counted bigint;
  low bigint;
  high bigint;
  final bigint;
begin
  events := 0;
  head := coalesce((select e.position from highwater.events e order by e.position desc limit 1), 0);
  while after < done loop
    select min(n.block) into at_block from unnest(types) t(type_id)
    cross join lateral (
      select b.block from highwater.type_counts b
      where b.type_id = t.type_id and b.block >= at_block and b.last_position > after order by b.block limit 1) n;
    exit when at_block is null;
    select sum(b.count), min(b.first_position), max(b.last_position) into counted, low, high
    from highwater.type_counts b where b.type_id = any (types) and b.block = at_block;
    if low > after and events + counted <= most then
      first := coalesce(first, low);
      events := events + counted;
      final := high;
    else
      select count(*), min(e.position), max(e.position) into counted, low, high from (
        select v.position from highwater.events v
        where v.position between greatest(low, after + 1) and high and v.type_id = any (types)
        order by v.position limit most - events) e;
      first := coalesce(first, low);
      events := events + counted;
      final := coalesce(high, final);
    end if;
    if events >= most then
      upto := final;
      return;
    end if;
    blocks := blocks - 1;
    if blocks <= 0 then
      upto := least(at_block * 10000 + 9999, done);
      return;
    end if;
    at_block := at_block + 1;
  end loop;

  select count(*), min(e.position), max(e.position) into counted, low, high from (
    select v.position from highwater.events v
    where v.position > greatest(after, done) and v.type_id = any (types) order by v.position limit most - events) e;
  first := coalesce(first, low);
  events := events + counted;
  upto := case when events >= most then coalesce(high, final) else greatest(head, after) end;
end $$;

-- Moves a checkpoint over the next slice, first thing in the transaction that handles it.
-- outcome: begun; idle (nothing matches: nothing to handle, and the checkpoint moves now and then); refused (it is not running, or a
-- newer runner has it, or the version is gone); changed (the event at the checkpoint is not the one that stood there).
create function highwater.begin_slice(
  version bigint, mine bigint, most int,
  out outcome text, out after bigint, out first bigint, out upto bigint, out events bigint, out head bigint
) language plpgsql volatile set enable_seqscan = off set jit = off as $$
declare
  p record;
  types int[];
begin
  select r.state, r.generation, r.checkpoint, r.checkpoint_event_id, r.slice_limit, r.moved_at, v.event_patterns into p
  from highwater.read_model_progress r join highwater.read_model_versions v using (version_id) where r.version_id = version;
  if not found or p.generation <> mine or p.state in ('paused', 'faulted', 'stopped') then
    outcome := 'refused';
    return;
  end if;
  after := p.checkpoint;
  if after > 0 and (select e.event_id from highwater.events e where e.position = after) is distinct from p.checkpoint_event_id then
    outcome := 'changed';
    return;
  end if;
  -- In one statement, so of one snapshot: a type that came in between would be passed over.
  select t.types, n.first, n.upto, n.events, n.head into types, first, upto, events, head
  from (select highwater.types_like(p.event_patterns) as types) t
  cross join lateral highwater.next_slice(t.types, after, least(most, p.slice_limit), 1000) n;
  outcome := case when events > 0 then 'begun' else 'idle' end;
  if events = 0 and (upto <= after or upto - after < 1000 and p.moved_at > clock_timestamp() - interval '1 second') then
    return;
  end if;
  update highwater.read_model_progress r
  set sliced_after = after, checkpoint = upto, type_ids = types, handled = r.handled + events, moved_at = clock_timestamp(),
      checkpoint_event_id = (select e.event_id from highwater.events e where e.position = upto)
  where r.version_id = version and r.generation = mine and r.checkpoint = after and r.state not in ('paused', 'faulted', 'stopped');
  if not found then
    outcome := 'refused';
  end if;
end $$;

-- How far a version is behind: exact up to a cap, or up to 2,000 blocks that have its types.
create function highwater.lag_of(patterns text[], checkpoint bigint, cap int, out positions bigint, out matching bigint, out capped boolean, out seconds float8)
language plpgsql stable as $$
declare
  n record;
begin
  select * into n from highwater.next_slice(highwater.types_like(patterns), checkpoint, cap + 1, 2000);
  positions := greatest(n.head - checkpoint, 0);
  matching := least(n.events, cap);
  capped := n.events > cap or n.upto < n.head;
  seconds := coalesce(extract(epoch from clock_timestamp() - (select e.recorded_at from highwater.events e where e.position = n.first)), 0);
end $$;
