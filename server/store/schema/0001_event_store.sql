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

-- A stream's id, for good. Its head is where its events end, one probe of their key away: a row here that changed with each append
-- was a third of what a batch cost.
create table highwater.streams (
  stream_id bigint generated always as identity primary key,
  name text collate "C" not null unique,
  category text collate "C" not null
);
create index streams_category on highwater.streams (category, name);

create table highwater.events (
  position bigint primary key,
  stream_id bigint not null,
  version bigint not null,
  event_id uuid not null unique,
  type_id int not null,
  data jsonb not null,
  metadata jsonb not null,
  correlation_id uuid,
  causation_id uuid,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  unique (stream_id, version)
);
-- The key on event_id finds an id that is used again for nearly nothing, as the insert is in that page anyway; to look for it before each
-- batch was a fifth of it. A btree: our own ids are UUIDv7, so they go to its newest page.
create index events_correlation_id on highwater.events (correlation_id, position) where correlation_id is not null;
create index events_causation_id on highwater.events (causation_id, position) where causation_id is not null;
-- None on recorded_at: it never runs backwards along the log, so first_position_at finds a moment by halving.

-- How many events of a type there are in each block of 10,000 positions: counts are sums of it, and a reader that wants a rare type
-- visits only the blocks that have it. Counted once a thousand events (to count with each batch was a tenth of what it cost); the views
-- below add those since, so a block may come in two rows of them.
create table highwater.type_counts (
  type_id int not null,
  block bigint not null,
  count bigint not null,
  first_position bigint not null,
  last_position bigint not null,
  primary key (type_id, block)
) with (fillfactor = 50);

create table highwater.category_counts (
  category text collate "C" not null,
  block bigint not null,
  count bigint not null,
  streams bigint not null, -- streams that began in it
  first_position bigint not null,
  last_position bigint not null,
  primary key (category, block)
) with (fillfactor = 50);

-- One row: up to where the two tables above have counted.
create table highwater.counted (position bigint not null) with (fillfactor = 10);
insert into highwater.counted values (0);

-- Fewer than a thousand events are ever left to count; the limit tells the planner so.
create view highwater.type_blocks as
select * from highwater.type_counts
union all
select e.type_id, e.position / 10000, count(*), min(e.position), max(e.position)
from (
  select u.type_id, u.position from highwater.events u
  where u.position > (select c.position from highwater.counted c) order by u.position limit 1000
) e group by 1, 2;

-- By stream first: there are fewer streams to look up than events.
create view highwater.category_blocks as
select * from highwater.category_counts
union all
select s.category, e.block, sum(e.count)::bigint, sum(e.begun)::bigint, min(e.first_position), max(e.last_position)
from (
  select o.stream_id, o.position / 10000 as block, count(*) as count, count(*) filter (where o.version = 0) as begun,
    min(o.position) as first_position, max(o.position) as last_position
  from (
    select u.stream_id, u.position, u.version from highwater.events u
    where u.position > (select c.position from highwater.counted c) order by u.position limit 1000
  ) o group by 1, 2
) e join highwater.streams s using (stream_id) group by 1, 2;

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

-- Where the log ends, and the time that what comes next is recorded at: never before what is there. Under the log's lock.
create function highwater.log_end(out base bigint, out at timestamptz) language plpgsql volatile as $$
begin
  select e.position, e.recorded_at into base, at from highwater.events e order by e.position desc limit 1;
  base := coalesce(base, 0);
  at := greatest(clock_timestamp(), at);
end $$;

-- The first position that was recorded at this moment or later; behind the log's end when there is none.
create function highwater.first_position_at(at timestamptz) returns bigint language plpgsql stable as $$
declare
  low bigint := 1;
  high bigint := coalesce((select max(e.position) from highwater.events e), 0) + 1;
  middle bigint;
begin
  while low < high loop
    middle := low + (high - low) / 2;
    if (select e.recorded_at < first_position_at.at from highwater.events e where e.position = middle) then
      low := middle + 1;
    else
      high := middle;
    end if;
  end loop;
  return low;
end $$;

-- Where a stream ends: its newest version, -1 for one that is not there.
create function highwater.head(stream_id bigint) returns bigint language plpgsql stable as $$
begin
  return coalesce((select e.version from highwater.events e where e.stream_id = head.stream_id order by e.version desc limit 1), -1);
end $$;

-- Ids and heads of streams; null and -1 for one that is not there. LIMIT keeps each an index probe under any plan.
create function highwater.find_streams(names text[], out stream_ids bigint[], out heads bigint[]) language plpgsql stable as $$
begin
  select array_agg(s.stream_id order by g.ord), array_agg(coalesce(e.version, -1) order by g.ord) into stream_ids, heads
  from unnest(names) with ordinality g(name, ord)
  left join lateral (select f.stream_id from highwater.streams f where f.name = g.name limit 1) s on true
  left join lateral (select h.version from highwater.events h where h.stream_id = s.stream_id order by h.version desc limit 1) e on true;
end $$;

-- True when one of the ids that writers gave is in the log.
create function highwater.any_known(ids uuid[], known boolean[]) returns boolean language plpgsql stable as $$
declare
  given uuid[];
begin
  if not true = any (known) then return false; end if;
  given := array(select i.id from unnest(ids, known) i(id, known) where i.known);
  return exists (select from highwater.events e where e.event_id = any (given));
end $$;

-- Counts what is not counted yet. Under the log's lock.
create function highwater.count_events() returns void language plpgsql volatile as $$
declare
  done bigint := (select position from highwater.counted);
begin
  insert into highwater.type_counts as c
  select e.type_id, e.position / 10000, count(*), min(e.position), max(e.position)
  from highwater.events e where e.position > done group by 1, 2
  on conflict (type_id, block) do update set count = c.count + excluded.count, last_position = excluded.last_position;

  insert into highwater.category_counts as c
  select s.category, e.block, sum(e.count), sum(e.begun), min(e.first_position), max(e.last_position)
  from (
    select e.stream_id, e.position / 10000 as block, count(*) as count, count(*) filter (where e.version = 0) as begun,
      min(e.position) as first_position, max(e.position) as last_position
    from highwater.events e where e.position > done group by 1, 2
  ) e join highwater.streams s using (stream_id) group by 1, 2
  on conflict (category, block) do update
  set count = c.count + excluded.count, streams = c.streams + excluded.streams, last_position = excluded.last_position;

  update highwater.counted set position = (select max(e.position) from highwater.events e);
end $$;

-- Records events in the order given, behind position base. streams: each once; stream_ids: null for one that is not there; heads: its
-- newest version or -1; kinds: each type once; type_ids: null where the caller does not know it. Of each event, unit and kind are its
-- places in streams and kinds, and nth counts the events of its stream here, from 1. The caller holds the log's lock, has found heads
-- under it, and has set the planner to nested index probes: plans that are made while the tables are small would otherwise read whole
-- tables for each batch later. Answers the ids that it was not given.
create function highwater.record_events(
  base bigint, at timestamptz, streams text[], inout stream_ids bigint[], heads bigint[], kinds text[], inout type_ids int[],
  unit int[], nth int[], kind int[], ids uuid[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) language plpgsql volatile as $$
declare
  begun bigint[];
begin
  if array_position(type_ids, null) is not null then
    select array_agg((select t.type_id from highwater.event_types t where t.name = g.name) order by g.ord) into type_ids
    from unnest(kinds) with ordinality g(name, ord);
    if array_position(type_ids, null) is not null then
      insert into highwater.event_types (name)
      select g.name from unnest(kinds, type_ids) with ordinality g(name, type_id, ord) where g.type_id is null order by g.ord;
      select array_agg((select t.type_id from highwater.event_types t where t.name = g.name) order by g.ord) into type_ids
      from unnest(kinds) with ordinality g(name, ord);
    end if;
  end if;
  if array_position(stream_ids, null) is not null then
    begun := (
      select array_agg(coalesce(g.stream_id, nextval('highwater.streams_stream_id_seq')) order by g.ord)
      from unnest(stream_ids) with ordinality g(stream_id, ord));
    insert into highwater.streams (stream_id, name, category) overriding system value
    select g.new, g.name, split_part(g.name, '-', 1)
    from unnest(stream_ids, begun, streams) with ordinality g(old, new, name, ord) where g.old is null order by g.ord;
    stream_ids := begun;
  end if;

  insert into highwater.events (position, stream_id, version, event_id, type_id, data, metadata, correlation_id, causation_id, occurred_at, recorded_at)
  select base + e.n, stream_ids[e.u], heads[e.u] + e.nth, e.id, type_ids[e.k], e.data, e.metadata,
    (e.metadata->>'correlation_id')::uuid, (e.metadata->>'causation_id')::uuid, coalesce(e.occurred, at), at
  from unnest(unit, nth, kind, ids, datas, metadatas, occurred) with ordinality e(u, nth, k, id, data, metadata, occurred, n);

  if (base + cardinality(ids)) / 1000 > base / 1000 then perform highwater.count_events(); end if;
  perform pg_notify('highwater', '');
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

-- One batch in which every append finds what it expects and every id is new, as nearly always; when that is not so, it records nothing:
-- it answers a null base (a busy stream, a conflict) or fails on the key of ids, and append_batch tells the appends apart.
-- An append to one stream is a unit, a stream is in one unit only. seen: where the log ended when the caller knew these heads; only if it
-- still ends there are they true. stream_ids, heads and type_ids are null where the caller knows none; the answer has those that it did
-- not know or that had changed, and null for an array in which nothing is new. expected: see append_batch. unit, nth, kind: see record_events.
create function highwater.append_new(
  seen bigint, names text[], expected bigint[], inout stream_ids bigint[], inout heads bigint[], kinds text[], inout type_ids int[],
  unit int[], nth int[], kind int[], ids uuid[], datas jsonb[], metadatas jsonb[], occurred timestamptz[], out base bigint
) language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  busy text[] := highwater.take_log(names);
  at timestamptz;
  fits boolean;
  new_streams boolean := false;
  new_types boolean := array_position(type_ids, null) is not null;
begin
  if cardinality(busy) > 0 then return; end if;
  select l.base, l.at into base, at from highwater.log_end() l;
  if base is distinct from seen or array_position(heads, null) is not null then
    new_streams := true;
    if array_position(stream_ids, null) is not null then
      select array_agg(coalesce(g.stream_id, (select f.stream_id from highwater.streams f where f.name = g.name limit 1)) order by g.ord)
      into stream_ids from unnest(names, stream_ids) with ordinality g(name, stream_id, ord);
    end if;
    select array_agg(h.head order by h.ord),
      bool_and(h.expected = -2 or h.expected = h.head or (h.expected = -3 and h.head >= 0))
    into heads, fits
    from (
      select g.ord, g.expected, case when base = seen and g.head is not null then g.head else coalesce(
        (select e.version from highwater.events e where e.stream_id = g.stream_id order by e.version desc limit 1), -1) end as head
      from unnest(expected, stream_ids, heads) with ordinality g(expected, stream_id, head, ord)
    ) h;
    if not fits then
      base := null;
      return;
    end if;
  end if;
  select r.stream_ids, r.type_ids into stream_ids, type_ids
  from highwater.record_events(base, at, names, stream_ids, heads, kinds, type_ids, unit, nth, kind, ids, datas, metadatas, occurred) r;
  if not new_streams then
    stream_ids := null;
    heads := null;
  end if;
  if not new_types then type_ids := null; end if;
end $$;

-- One batch, each append with its own outcome. Units with the same request number are recorded together or not at all.
-- expected: -1 none, -2 any, -3 exists, else the version. counts, firsts: how many events, and which is the first. unit, nth, kinds,
-- kind: see record_events. known[i] tells that event i's id may be in the log already.
-- outcome: recorded (first_version, first_position), duplicate (the same, of the first time), conflict (actual), reused (id), busy, refused
-- (another unit of its request was not recorded).
create function highwater.append_batch(
  requests int[], names text[], expected bigint[], counts int[], firsts int[],
  kinds text[], unit int[], nth int[], kind int[], ids uuid[], known boolean[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns table (unit_number int, outcome text, actual bigint, first_version bigint, first_position bigint, last_position bigint, id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  busy text[] := highwater.take_log(names);
  stream_ids bigint[];
  heads bigint[];
  verdicts text[];
  found_ids uuid[];
  first_versions bigint[];
  first_positions bigint[];
  last_positions bigint[];
  base bigint;
  at timestamptz;
  u record;
begin
  select f.stream_ids, f.heads into stream_ids, heads from highwater.find_streams(names) f;
  select l.base, l.at into base, at from highwater.log_end() l;
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
      cross join lateral (select * from highwater.events f where f.event_id = i.id limit 1) e
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
    perform highwater.record_events(base, at, names, stream_ids, heads, kinds, array_fill(null::int, array[cardinality(kinds)]),
      array_agg(unit[n] order by n), array_agg(nth[n] order by n), array_agg(kind[n] order by n), array_agg(ids[n] order by n),
      array_agg(datas[n] order by n), array_agg(metadatas[n] order by n), array_agg(occurred[n] order by n))
    from generate_subscripts(unit, 1) n where verdicts[unit[n]] = 'recorded';
  end if;

  return query
  select g.ord::int, g.verdict, g.head,
    case when g.verdict = 'recorded' then g.head + 1 else first_versions[g.ord] end,
    case when g.verdict = 'recorded' then base + g.done - g.n + 1 else first_positions[g.ord] end,
    case when g.verdict = 'recorded' then base + g.done else last_positions[g.ord] end,
    found_ids[g.ord]
  from (
    select q.*, (sum(q.n) filter (where q.verdict = 'recorded') over (order by q.ord))::bigint as done
    from unnest(verdicts, heads, counts) with ordinality q(verdict, head, n, ord)
  ) g order by g.ord;
end $$;

-- One chunk of an import: what is there with the same content is skipped. Answers the reused id or the busy stream instead of recording.
-- names: each stream once; unit, nth, kinds, kind: see record_events.
create function highwater.import_batch(
  names text[], kinds text[], unit int[], nth int[], kind int[], ids uuid[], known boolean[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns table (imported bigint, first_position bigint, reused uuid, busy text)
language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  held text[] := highwater.take_log(names);
  stream_ids bigint[];
  heads bigint[];
  no_types int[] := array_fill(null::int, array[cardinality(kinds)]);
  there boolean[];
  wrong uuid;
  wanted bigint;
  base bigint;
  at timestamptz;
begin
  if cardinality(held) > 0 then
    return query select 0::bigint, null::bigint, null::uuid, held[1];
    return;
  end if;
  select f.stream_ids, f.heads into stream_ids, heads from highwater.find_streams(names) f;
  select l.base, l.at into base, at from highwater.log_end() l;
  if not highwater.any_known(ids, known) then
    perform highwater.record_events(base, at, names, stream_ids, heads, kinds, no_types, unit, nth, kind, ids, datas, metadatas, occurred);
    return query select cardinality(ids)::bigint, base + 1, null::uuid, null::text;
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
      from highwater.events e where e.event_id = i.id limit 1) end as same
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
    perform highwater.record_events(base, at, names, stream_ids, heads, kinds, no_types,
      array_agg(w.u order by w.n), array_agg(w.nth order by w.n), array_agg(kind[w.n] order by w.n), array_agg(ids[w.n] order by w.n),
      array_agg(datas[w.n] order by w.n), array_agg(metadatas[w.n] order by w.n), array_agg(occurred[w.n] order by w.n))
    from (
      select n, unit[n] as u, row_number() over (partition by unit[n] order by n)::int as nth
      from generate_subscripts(unit, 1) n where not there[n]
    ) w;
    return query select wanted, base + 1, null::uuid, null::text;
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
  base bigint;
  at timestamptz;
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
  select l.base, l.at into base, at from highwater.log_end() l;
  perform highwater.record_events(base, at, names, stream_ids, heads, kinds, array_fill(null::int, array[cardinality(kinds)]),
    array_agg(p.unit order by p.pending_id), array_agg(p.nth order by p.pending_id), array_agg(p.kind order by p.pending_id),
    array_agg(p.event_id order by p.pending_id), array_agg(p.data order by p.pending_id),
    array_agg(p.metadata order by p.pending_id), array_agg(p.occurred_at order by p.pending_id))
  from (
    select e.*, dense_rank() over (order by e.stream)::int as unit, dense_rank() over (order by e.type)::int as kind,
      row_number() over (partition by e.stream order by e.pending_id)::int as nth
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

  head := highwater.head((select s.stream_id from highwater.streams s where s.name = append.stream))
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
