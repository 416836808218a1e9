-- The event store. See src/lib.rs for the words (log's lock, gate, SQL writer).
create schema highwater;

create table highwater.schema_versions (
  version bigint primary key,
  applied_at timestamptz not null default now(),
  program text not null
);

create table highwater.event_types (
  type_id int generated always as identity primary key,
  name text collate "C" not null unique
);

-- The head of each stream. Changed with every append to it, so nothing that changes is indexed, and a page has room for another version
-- of all its rows: streams that begin together are often appended to together, and an update that has to leave its page costs an
-- entry in each index (at a fillfactor of 80 that was two thirds of a batch of 256 streams).
create table highwater.streams (
  stream_id bigint generated always as identity primary key,
  name text collate "C" not null unique,
  category text collate "C" not null,
  version bigint not null,
  first_recorded_at timestamptz not null,
  last_recorded_at timestamptz not null,
  last_position bigint not null,
  last_type_id int not null
) with (fillfactor = 45);
create index streams_category on highwater.streams (category, name);

create table highwater.events (
  position bigint primary key,
  stream_id bigint not null,
  version bigint not null,
  event_id uuid not null,
  type_id int not null,
  data jsonb not null,
  metadata jsonb not null,
  correlation_id uuid,
  causation_id uuid,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  unique (stream_id, version)
);
-- Not unique: ids are compared under the log's lock, with their content, and a unique key would fail a whole batch. A btree, not a
-- hash: our own ids are UUIDv7, so they go to its newest page, where a hash would touch a random one for each event.
create index events_event_id on highwater.events (event_id);
create index events_correlation_id on highwater.events (correlation_id, position) where correlation_id is not null;
create index events_causation_id on highwater.events (causation_id, position) where causation_id is not null;
create index events_recorded_at on highwater.events using brin (recorded_at) with (pages_per_range = 16, autosummarize = on);

-- How many events of a type there are in each block of 10,000 positions: counts are sums of it, and a reader that wants a rare type
-- visits only the blocks that have it.
create table highwater.type_blocks (
  type_id int not null,
  block bigint not null,
  count bigint not null,
  first_position bigint not null,
  last_position bigint not null,
  first_recorded_at timestamptz not null,
  last_recorded_at timestamptz not null,
  primary key (type_id, block)
) with (fillfactor = 50);

create table highwater.category_blocks (
  category text collate "C" not null,
  block bigint not null,
  count bigint not null,
  streams bigint not null, -- streams that began in it
  first_position bigint not null,
  last_position bigint not null,
  first_recorded_at timestamptz not null,
  last_recorded_at timestamptz not null,
  primary key (category, block)
) with (fillfactor = 50);

-- What an open transaction has appended through highwater.append. Emptied when it commits, so nobody else ever sees a row.
create table highwater.pending_events (
  pending_id bigint generated always as identity primary key,
  stream text collate "C" not null,
  version bigint not null,
  event_id uuid not null,
  type text not null,
  data jsonb not null,
  metadata jsonb not null,
  occurred_at timestamptz
);

create function highwater.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only: events are never changed or deleted' using
    errcode = 'HW403', hint = 'Append an event that corrects what was wrong.';
end $$;
create trigger append_only before update or delete on highwater.events for each statement execute function highwater.refuse_change();
create trigger append_only_truncate before truncate on highwater.events for each statement execute function highwater.refuse_change();

-- Where streams stand: id and version; null and -1 for one that is not there. LIMIT keeps each an index probe under any plan.
create function highwater.find_streams(names text[], out stream_ids bigint[], out heads bigint[]) language plpgsql stable as $$
begin
  select array_agg(s.stream_id order by g.ord), array_agg(coalesce(s.version, -1) order by g.ord) into stream_ids, heads
  from unnest(names) with ordinality g(name, ord)
  left join lateral (select f.stream_id, f.version from highwater.streams f where f.name = g.name limit 1) s on true;
end $$;

-- True when one of the ids that writers gave is in the log. Nearly never, so this is asked before anything is compared.
create function highwater.any_known(ids uuid[], known boolean[]) returns boolean language plpgsql stable as $$
declare
  given uuid[];
begin
  if not true = any (known) then return false; end if;
  given := array(select i.id from unnest(ids, known) i(id, known) where i.known);
  return exists (select from highwater.events e where e.event_id = any (given));
end $$;

-- Records events in the order given. streams: each once, with its id and version as found; kinds: each type once; unit and kind: of
-- each event, its place in those two. The caller holds the log's lock, has found the streams under it, and has set the planner to
-- nested index probes: plans that are made while the tables are small would otherwise read whole tables for each batch later.
-- Answers the first position.
create function highwater.record_events(
  streams text[], stream_ids bigint[], heads bigint[], kinds text[],
  unit int[], kind int[], ids uuid[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns bigint language plpgsql volatile as $$
declare
  base bigint;
  at timestamptz;
  type_ids int[];
begin
  select e.position, e.recorded_at into base, at from highwater.events e order by e.position desc limit 1;
  base := coalesce(base, 0);
  at := greatest(clock_timestamp(), at);

  loop
    select array_agg((select t.type_id from highwater.event_types t where t.name = g.name) order by g.ord) into type_ids
    from unnest(kinds) with ordinality g(name, ord);
    exit when array_position(type_ids, null) is null;
    insert into highwater.event_types (name)
    select g.name from unnest(kinds, type_ids) with ordinality g(name, type_id, ord) where g.type_id is null order by g.ord;
  end loop;
  if array_position(stream_ids, null) is not null then
    stream_ids := (
      select array_agg(coalesce(g.stream_id, nextval('highwater.streams_stream_id_seq')) order by g.ord)
      from unnest(stream_ids) with ordinality g(stream_id, ord));
  end if;

  with placed as materialized (
    -- Numbered, not unnested: the planner takes this for 1,000 rows and hashes what it groups. PL/pgSQL holds its arrays expanded,
    -- so a subscript costs the same anywhere in them.
    select n, unit[n] as u, kind[n] as k, base + n as position, heads[unit[n]] + row_number() over (partition by unit[n] order by n) as version
    from generate_subscripts(unit, 1) n
  ), ends as materialized (
    select u, max(version) as version, max(n) as n from placed group by u
  ), grown as (
    update highwater.streams s
    set version = e.version, last_recorded_at = at, last_position = base + e.n, last_type_id = type_ids[kind[e.n]]
    from ends e where heads[e.u] >= 0 and s.stream_id = stream_ids[e.u]
  ), begun as (
    insert into highwater.streams (stream_id, name, category, version, first_recorded_at, last_recorded_at, last_position, last_type_id)
    overriding system value
    select stream_ids[e.u], streams[e.u], split_part(streams[e.u], '-', 1), e.version, at, at, base + e.n, type_ids[kind[e.n]]
    from ends e where heads[e.u] < 0
  ), recorded as (
    insert into highwater.events (position, stream_id, version, event_id, type_id, data, metadata, correlation_id, causation_id, occurred_at, recorded_at)
    select p.position, stream_ids[p.u], p.version, ids[p.n], type_ids[p.k], datas[p.n], metadatas[p.n],
           (metadatas[p.n]->>'correlation_id')::uuid, (metadatas[p.n]->>'causation_id')::uuid, coalesce(occurred[p.n], at), at
    from placed p
    order by p.position
  ), type_counts as (
    insert into highwater.type_blocks as b (type_id, block, count, first_position, last_position, first_recorded_at, last_recorded_at)
    select type_ids[p.k], p.position / 10000, count(*), min(p.position), max(p.position), at, at from placed p group by p.k, 2
    on conflict (type_id, block) do update
    set count = b.count + excluded.count, last_position = excluded.last_position, last_recorded_at = excluded.last_recorded_at
  )
  insert into highwater.category_blocks as b (category, block, count, streams, first_position, last_position, first_recorded_at, last_recorded_at)
  select split_part(streams[p.u], '-', 1), p.position / 10000, count(*), count(*) filter (where p.version = 0), min(p.position), max(p.position), at, at
  from placed p group by 1, 2
  on conflict (category, block) do update
  set count = b.count + excluded.count, streams = b.streams + excluded.streams,
      last_position = excluded.last_position, last_recorded_at = excluded.last_recorded_at;

  perform pg_notify('highwater', '');
  return base + 1;
end $$;

-- Takes the log's lock, and the gate or else every stream for itself. Only the log's lock is waited for.
-- Answers the streams that an open SQL transaction has appended to.
create function highwater.take_log(wanted text[]) returns text[] language plpgsql volatile as $$
declare
  busy text[] := '{}';
  name text;
begin
  perform pg_advisory_xact_lock(7210, 1);
  if not pg_try_advisory_xact_lock(7210, 2) then
    foreach name in array wanted loop
      if not pg_try_advisory_xact_lock(hashtextextended(name, 7210)) then
        busy := busy || name;
      end if;
    end loop;
  end if;
  return busy;
end $$;

-- One batch. An append to one stream is a unit, a stream is in one unit only; units with the same request number are recorded together
-- or not at all. expected: -1 none, -2 any, -3 exists, else the version. counts, firsts: how many events, and which is the first.
-- unit, kinds, kind: see record_events. known[i] tells that event i's id may be in the log already.
-- outcome: recorded (first_version, first_position), duplicate (the same, of the first time), conflict (actual), reused (id), busy, refused
-- (another unit of its request was not recorded).
create function highwater.append_batch(
  requests int[], names text[], expected bigint[], counts int[], firsts int[],
  kinds text[], unit int[], kind int[], ids uuid[], known boolean[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns table (unit_number int, outcome text, actual bigint, first_version bigint, first_position bigint, last_position bigint, id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  busy text[] := highwater.take_log(names);
  stream_ids bigint[];
  heads bigint[];
  fits boolean;
  verdicts text[];
  found_ids uuid[];
  first_versions bigint[];
  first_positions bigint[];
  last_positions bigint[];
  base bigint;
  u record;
begin
  -- As find_streams does it, with the comparison.
  select array_agg(s.stream_id order by g.ord), array_agg(coalesce(s.version, -1) order by g.ord),
    bool_and(g.expected = -2 or g.expected = coalesce(s.version, -1) or (g.expected = -3 and s.version is not null))
  into stream_ids, heads, fits
  from unnest(names, expected) with ordinality g(name, expected, ord)
  left join lateral (select f.stream_id, f.version from highwater.streams f where f.name = g.name limit 1) s on true;

  if fits and cardinality(busy) = 0 and not highwater.any_known(ids, known) then
    base := highwater.record_events(names, stream_ids, heads, kinds, unit, kind, ids, datas, metadatas, occurred);
    return query
    select g.ord::int, 'recorded', g.head, g.head + 1, base + g.first - 1, base + g.first + g.n - 2, null::uuid
    from unnest(heads, counts, firsts) with ordinality g(head, n, first, ord);
    return;
  end if;

  found_ids := array_fill(null::uuid, array[cardinality(names)]);
  first_versions := array_fill(null::bigint, array[cardinality(names)]);
  first_positions := first_versions;
  last_positions := first_versions;
  select array_agg(case
      when g.name = any (busy) then 'busy'
      when g.expected = -2 or g.expected = g.head or (g.expected = -3 and g.head >= 0) then 'recorded'
      else 'conflict' end order by g.ord)
  into verdicts from unnest(names, expected, heads) with ordinality g(name, expected, head, ord);

  -- A retry: its ids are in the log.
  for u in
    with seen as (
      select unit[i.ord] as u, i.id, i.ord - firsts[unit[i.ord]] as nth, e.position, e.version,
        (select s.name from highwater.streams s where s.stream_id = e.stream_id) = names[unit[i.ord]]
          and (select t.name from highwater.event_types t where t.type_id = e.type_id) = kinds[kind[i.ord]]
          and e.data = datas[i.ord] and e.metadata = metadatas[i.ord]
          and (occurred[i.ord] is null or occurred[i.ord] = e.occurred_at) as same
      from unnest(ids, known) with ordinality i(id, known, ord)
      -- position + 0: a plan made while the log is small would else walk the whole log by position to find an id.
      cross join lateral (select * from highwater.events f where f.event_id = i.id order by f.position + 0 limit 1) e
      where i.known
    )
    select s.u, count(*) = counts[s.u] and bool_and(s.same) and max(s.version - s.nth) = min(s.version - s.nth) as duplicate,
      min(s.version) as version, min(s.position) as first, max(s.position) as last,
      coalesce((array_agg(s.id order by s.nth) filter (where not s.same))[1], (array_agg(s.id order by s.nth))[1]) as id
    from seen s group by s.u
  loop
    if verdicts[u.u] <> 'busy' then
      verdicts[u.u] := case when u.duplicate then 'duplicate' else 'reused' end;
      found_ids[u.u] := u.id;
      first_versions[u.u] := u.version;
      first_positions[u.u] := u.first;
      last_positions[u.u] := u.last;
    end if;
  end loop;

  -- A request is recorded when all its units can be; a duplicate beside one that is not there means that an id was reused.
  select array_agg(case
      when g.verdict = 'recorded' and not g.can then 'refused'
      when g.verdict = 'duplicate' and not g.was then case when g.busy or g.failed then 'refused' else 'reused' end
      else g.verdict end order by g.ord)
  into verdicts
  from (
    select q.verdict, q.ord, bool_and(q.verdict = 'recorded') over r as can, bool_and(q.verdict = 'duplicate') over r as was,
      bool_or(q.verdict = 'busy') over r as busy, bool_or(q.verdict in ('conflict', 'reused')) over r as failed
    from unnest(verdicts, requests) with ordinality q(verdict, request, ord) window r as (partition by q.request)
  ) g;

  if 'recorded' = any (verdicts) then
    select highwater.record_events(names, stream_ids, heads, kinds,
      array_agg(unit[n] order by n), array_agg(kind[n] order by n), array_agg(ids[n] order by n),
      array_agg(datas[n] order by n), array_agg(metadatas[n] order by n), array_agg(occurred[n] order by n))
    into base
    from generate_subscripts(unit, 1) n where verdicts[unit[n]] = 'recorded';
  end if;

  return query
  select g.ord::int, g.verdict, g.head,
    case when g.verdict = 'recorded' then g.head + 1 else first_versions[g.ord] end,
    case when g.verdict = 'recorded' then base + g.done - g.n else first_positions[g.ord] end,
    case when g.verdict = 'recorded' then base + g.done - 1 else last_positions[g.ord] end,
    found_ids[g.ord]
  from (
    select q.*, (sum(q.n) filter (where q.verdict = 'recorded') over (order by q.ord))::bigint as done
    from unnest(verdicts, heads, counts) with ordinality q(verdict, head, n, ord)
  ) g order by g.ord;
end $$;

-- One chunk of an import: what is there with the same content is skipped. Answers the reused id or the busy stream instead of recording.
-- names: each stream once; unit, kinds, kind: see record_events.
create function highwater.import_batch(
  names text[], kinds text[], unit int[], kind int[], ids uuid[], known boolean[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns table (imported bigint, first_position bigint, reused uuid, busy text)
language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  held text[] := highwater.take_log(names);
  stream_ids bigint[];
  heads bigint[];
  there boolean[];
  wrong uuid;
  wanted bigint;
begin
  if cardinality(held) > 0 then
    return query select 0::bigint, null::bigint, null::uuid, held[1];
    return;
  end if;
  select f.stream_ids, f.heads into stream_ids, heads from highwater.find_streams(names) f;
  if not highwater.any_known(ids, known) then
    return query select cardinality(ids)::bigint,
      highwater.record_events(names, stream_ids, heads, kinds, unit, kind, ids, datas, metadatas, occurred), null::uuid, null::text;
    return;
  end if;

  select array_agg(f.same is not null order by f.ord), (array_agg(f.id order by f.ord) filter (where not f.same))[1]
  into there, wrong
  from (
    select i.ord, i.id, case when i.known then (
      select (select s.name from highwater.streams s where s.stream_id = e.stream_id) = names[unit[i.ord]]
        and (select t.name from highwater.event_types t where t.type_id = e.type_id) = kinds[kind[i.ord]]
        and e.data = datas[i.ord] and e.metadata = metadatas[i.ord]
        and (occurred[i.ord] is null or occurred[i.ord] = e.occurred_at)
      from highwater.events e where e.event_id = i.id order by e.position + 0 limit 1) end as same
    from unnest(ids, known) with ordinality i(id, known, ord)
  ) f;
  if wrong is not null then
    return query select 0::bigint, null::bigint, wrong, null::text;
    return;
  end if;
  wanted := (select count(*) from unnest(there) t where not t);
  if wanted = 0 then
    return query select 0::bigint, null::bigint, null::uuid, null::text;
  else
    return query
    select wanted, highwater.record_events(names, stream_ids, heads, kinds,
      array_agg(unit[n] order by n), array_agg(kind[n] order by n), array_agg(ids[n] order by n),
      array_agg(datas[n] order by n), array_agg(metadatas[n] order by n), array_agg(occurred[n] order by n)), null::uuid, null::text
    from generate_subscripts(unit, 1) n where not there[n];
  end if;
end $$;

-- Runs when a SQL writer commits: its events get their positions, under the log's lock.
create function highwater.record_pending() returns trigger language plpgsql security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  names text[];
  kinds text[];
  stream_ids bigint[];
  heads bigint[];
  reused uuid;
begin
  -- Once for all rows of the transaction; the trigger fires for each. No other transaction's rows can be seen here.
  perform 1 from highwater.pending_events limit 1;
  if not found then return null; end if;
  perform pg_advisory_xact_lock(7210, 1);
  -- highwater.append has looked, but another transaction may have recorded the id since then, or this one has it in two streams.
  select p.event_id into reused from highwater.pending_events p
  where exists (select from highwater.events e where e.event_id = p.event_id) limit 1;
  if reused is null then
    select p.event_id into reused from highwater.pending_events p group by p.event_id having count(*) > 1 limit 1;
  end if;
  if reused is not null then
    raise exception 'the event id % is used twice, or was recorded by another transaction meanwhile', reused using errcode = 'HW410',
      hint = 'Ids are for retries; a new event needs a new id.';
  end if;
  -- In the order of their bytes, as dense_rank numbers them below.
  select array_agg(distinct p.stream order by p.stream), array_agg(distinct p.type order by p.type) into names, kinds
  from highwater.pending_events p;
  select f.stream_ids, f.heads into stream_ids, heads from highwater.find_streams(names) f;
  perform highwater.record_events(names, stream_ids, heads, kinds,
    array_agg(p.unit order by p.pending_id), array_agg(p.kind order by p.pending_id), array_agg(p.event_id order by p.pending_id),
    array_agg(p.data order by p.pending_id), array_agg(p.metadata order by p.pending_id), array_agg(p.occurred_at order by p.pending_id))
  from (
    select e.*, dense_rank() over (order by e.stream)::int as unit, dense_rank() over (order by e.type)::int as kind
    from highwater.pending_events e
  ) p;
  delete from highwater.pending_events;
  return null;
end $$;
create constraint trigger record_at_commit after insert on highwater.pending_events
deferrable initially deferred for each row execute function highwater.record_pending();

-- Appends in the caller's own transaction. expected_version: -1 none, -2 any, -3 exists, else the version.
-- events: an array of {"type", "data", "id"?, "occurred_at"?, "metadata"?}. Answers their versions; positions are given at commit.
-- HW409: the stream is at another version. HW410: an id is in the log with another content. HW400: not an append.
create function highwater.append(stream text, expected_version bigint, events jsonb) returns table (version bigint)
language plpgsql volatile security definer set search_path = pg_catalog, highwater, pg_temp as $$
declare
  head bigint;
  found_before bigint;
  same_before boolean;
  first_before bigint;
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception 'highwater.append works in READ COMMITTED transactions' using errcode = 'HW400',
      hint = 'An older snapshot would not show the newest version of the stream.';
  end if;
  if append.stream is null or append.stream = '' or octet_length(append.stream) > 255 or append.stream ~ '[[:cntrl:]]' then
    raise exception 'a stream''s name has 1 to 255 bytes and no control characters' using errcode = 'HW400';
  end if;
  if expected_version is null or expected_version < -3 then
    raise exception 'expected_version is -1 (none), -2 (any), -3 (exists) or a version from 0' using errcode = 'HW400';
  end if;
  if events is null or jsonb_typeof(events) <> 'array' or jsonb_array_length(events) not between 1 and 1000 then
    raise exception 'events is an array of 1 to 1,000 objects with type and data' using errcode = 'HW400';
  end if;
  if exists (
    select from jsonb_array_elements(events) e(event)
    where jsonb_typeof(event) <> 'object' or coalesce(jsonb_typeof(event->'type'), '') <> 'string'
      or octet_length(event->>'type') not between 1 and 255 or event->>'type' ~ '[[:cntrl:]]' or event->'data' is null
      or coalesce(jsonb_typeof(event->'metadata'), 'object') not in ('object', 'null')
      or octet_length((event->'data')::text) + coalesce(octet_length((event->'metadata')::text), 0) > 1048576
  ) then
    raise exception 'each event needs a type (1 to 255 bytes) and data, metadata is an object, and both together have 1 MiB at most' using errcode = 'HW400';
  end if;

  perform pg_advisory_xact_lock_shared(7210, 2);
  perform pg_advisory_xact_lock(hashtextextended(append.stream, 7210));

  select count(*), bool_and(b.same), min(b.version) into found_before, same_before, first_before
  from (
    select r.version, r.name = append.stream and r.type = event->>'type' and r.data = event->'data'
      and r.metadata = coalesce(nullif(event->'metadata', 'null'), '{}')
      and (event->>'occurred_at' is null or r.occurred_at is not distinct from (event->>'occurred_at')::timestamptz) as same
    from jsonb_array_elements(events) e(event) cross join lateral (
      select s.name, v.version, k.name as type, v.data, v.metadata, v.occurred_at
      from highwater.events v join highwater.streams s using (stream_id) join highwater.event_types k using (type_id)
      where v.event_id = (event->>'id')::uuid
      union all
      select p.stream, p.version, p.type, p.data, p.metadata, p.occurred_at from highwater.pending_events p where p.event_id = (event->>'id')::uuid
      limit 1
    ) r where event->>'id' is not null
  ) b;
  if found_before > 0 then
    if found_before = jsonb_array_length(events) and same_before then
      return query select first_before + k from generate_series(0, found_before - 1) k;
      return;
    end if;
    raise exception 'an event of this append to stream % has an id that is in the log with another content or in another place', append.stream
      using errcode = 'HW410', hint = 'Give a new event a new id.';
  end if;

  head := coalesce((select s.version from highwater.streams s where s.name = append.stream), -1)
    + (select count(*) from highwater.pending_events p where p.stream = append.stream);
  if not (expected_version = -2 or expected_version = head or (expected_version = -3 and head >= 0)) then
    raise exception 'stream % was expected at version %, but it is at %', append.stream, expected_version, head
      using errcode = 'HW409', hint = 'Read the stream again and decide anew.';
  end if;

  return query
  with added as (
    insert into highwater.pending_events (stream, version, event_id, type, data, metadata, occurred_at)
    select append.stream, head + ord, coalesce((event->>'id')::uuid, gen_random_uuid()), event->>'type', event->'data',
      coalesce(nullif(event->'metadata', 'null'), '{}'), (event->>'occurred_at')::timestamptz
    from jsonb_array_elements(events) with ordinality e(event, ord) order by ord
    returning pending_events.version
  ) select a.version from added a order by 1;
end $$;

-- How the filter line compares texts, numbers and finds words in a document. src/filter_sql.rs uses them; the console's own
-- reading of the line (highwater_model::filter) must agree with them.
create function highwater.document_has(document jsonb, word text) returns boolean language sql immutable parallel safe
set search_path = pg_catalog, pg_temp as $$
  with recursive inside(value) as (
    select document
    union all
    select c.value from inside i cross join lateral (
      select to_jsonb(m.key) as value from jsonb_each(case when jsonb_typeof(i.value) = 'object' then i.value else '{}' end) m
      union all
      select m.value from jsonb_each(case when jsonb_typeof(i.value) = 'object' then i.value else '{}' end) m
      union all
      select a.value from jsonb_array_elements(case when jsonb_typeof(i.value) = 'array' then i.value else '[]' end) a
    ) c
  )
  select exists (
    select from inside i where jsonb_typeof(i.value) in ('string', 'number')
      and position(word in lower((i.value #>> '{}') collate "C")) > 0
  )
$$;
