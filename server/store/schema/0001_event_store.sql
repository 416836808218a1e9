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

-- The head of each stream. Changed with every append to it, so nothing that changes is indexed: the update stays in its page.
create table highwater.streams (
  stream_id bigint generated always as identity primary key,
  name text collate "C" not null unique,
  category text collate "C" not null,
  version bigint not null,
  first_recorded_at timestamptz not null,
  last_recorded_at timestamptz not null,
  last_position bigint not null,
  last_type_id int not null
) with (fillfactor = 80);
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

-- Records events in the order given, whatever their streams. The caller holds the log's lock. Answers the first position.
-- The settings keep its cached plans on index probes: made while the tables are small, they would otherwise read whole tables later.
create function highwater.record_events(
  streams text[], ids uuid[], types text[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns bigint language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_mergejoin = off set jit = off as $$
declare
  base bigint;
  at timestamptz;
begin
  select e.position, e.recorded_at into base, at from highwater.events e order by e.position desc limit 1;
  base := coalesce(base, 0);
  at := greatest(clock_timestamp(), at);

  insert into highwater.event_types (name)
  select distinct t from unnest(types) t
  where (select k.type_id from highwater.event_types k where k.name = t) is null;

  with given as materialized (
    -- Numbered, not unnested: the planner takes this for 1,000 rows and hashes the joins below; for 10 it would nest them, which
    -- grows with the square of the batch. PL/pgSQL holds its arrays expanded, so a subscript costs the same anywhere in them.
    select n::bigint as ord, streams[n] as stream from generate_subscripts(streams, 1) n
  ), heads as materialized (
    select stream, count(*) as n, max(ord) as last from given group by stream
  ), kinds as materialized (
    select t.name, (select k.type_id from highwater.event_types k where k.name = t.name) as type_id
    from (select distinct u as name from unnest(types) u) t
  ), grown as (
    update highwater.streams s
    set version = s.version + h.n, last_recorded_at = at, last_position = base + h.last,
        last_type_id = (select k.type_id from kinds k where k.name = types[h.last])
    from heads h where s.name = h.stream
    returning s.stream_id, s.name, s.category, s.version - h.n as before
  ), begun as (
    insert into highwater.streams (name, category, version, first_recorded_at, last_recorded_at, last_position, last_type_id)
    select h.stream, split_part(h.stream, '-', 1), h.n - 1, at, at, base + h.last, (select k.type_id from kinds k where k.name = types[h.last])
    from heads h where h.stream not in (select g.name from grown g)
    order by h.last
    returning stream_id, name, category, -1::bigint as before
  ), touched as materialized (
    select stream_id, name, category, before, 0 as begun from grown union all
    select stream_id, name, category, before, 1 from begun
  ), placed as materialized (
    select g.ord, base + g.ord as position, t.stream_id, t.category,
           t.before + row_number() over (partition by g.stream order by g.ord) as version, k.type_id
    from given g join touched t on t.name = g.stream join kinds k on k.name = types[g.ord]
  ), recorded as (
    insert into highwater.events (position, stream_id, version, event_id, type_id, data, metadata, correlation_id, causation_id, occurred_at, recorded_at)
    select p.position, p.stream_id, p.version, ids[p.ord], p.type_id, datas[p.ord], metadatas[p.ord],
           (metadatas[p.ord]->>'correlation_id')::uuid, (metadatas[p.ord]->>'causation_id')::uuid, coalesce(occurred[p.ord], at), at
    from placed p
    order by p.position
  ), type_counts as (
    insert into highwater.type_blocks as b (type_id, block, count, first_position, last_position, first_recorded_at, last_recorded_at)
    select p.type_id, p.position / 10000, count(*), min(p.position), max(p.position), at, at from placed p group by 1, 2
    on conflict (type_id, block) do update
    set count = b.count + excluded.count, last_position = excluded.last_position, last_recorded_at = excluded.last_recorded_at
  )
  insert into highwater.category_blocks as b (category, block, count, streams, first_position, last_position, first_recorded_at, last_recorded_at)
  select p.category, p.position / 10000, count(*), count(*) filter (where p.version = 0), min(p.position), max(p.position), at, at
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

-- One batch. An append to one stream is a unit; units with the same request number are recorded together or not at all.
-- expected: -1 none, -2 any, -3 exists, else the version. known[i] tells that events[i]'s id may be in the log already.
-- outcome: recorded (first_version, first_position), duplicate (the same, of the first time), conflict (actual), reused (id), busy, refused
-- (another unit of its request was not recorded).
create function highwater.append_batch(
  requests int[], names text[], expected bigint[], counts int[],
  ids uuid[], known boolean[], types text[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns table (unit int, outcome text, actual bigint, first_version bigint, first_position bigint, last_position bigint, id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_mergejoin = off set jit = off as $$
declare
  busy text[] := highwater.take_log(names);
  verdicts text[];
  heads bigint[];
  found_ids uuid[] := array_fill(null::uuid, array[cardinality(names)]);
  first_versions bigint[] := array_fill(null::bigint, array[cardinality(names)]);
  first_positions bigint[] := first_versions;
  last_positions bigint[] := first_versions;
  base bigint;
  all_recorded boolean;
  u record;
begin
  -- Where each stream stands. A scalar subquery stays an index probe under any plan.
  select array_agg(coalesce((select s.version from highwater.streams s where s.name = g.name), -1) order by g.ord)
  into heads from unnest(names) with ordinality g(name, ord);

  select array_agg(case
      when g.name = any (busy) then 'busy'
      when g.expected = -2 or g.expected = g.head or (g.expected = -3 and g.head >= 0) then 'recorded'
      else 'conflict' end order by g.ord)
  into verdicts from unnest(names, expected, heads) with ordinality g(name, expected, head, ord);

  -- A retry: its ids are in the log. Only ids that their writer gave are looked for.
  if true = any (known) then
    for u in
      with owners as materialized (
        select g.ord, g.name, g.n, sum(g.n) over (order by g.ord) - g.n as before
        from unnest(names, counts) with ordinality g(name, n, ord)
      ), asked as materialized (
        select o.ord as unit, o.n, o.before, o.name, i.id, i.ord
        from unnest(ids, known) with ordinality i(id, known, ord)
        join owners o on i.ord > o.before and i.ord <= o.before + o.n
        where i.known
      -- position + 0: a plan made while the log is small would else walk the whole log by position to find an id.
      ), seen as (
        select a.unit, a.n, a.id, a.ord - a.before as nth, e.position, e.version,
          (select s.name from highwater.streams s where s.stream_id = e.stream_id) = a.name
            and (select k.name from highwater.event_types k where k.type_id = e.type_id) = types[a.ord]
            and e.data = datas[a.ord] and e.metadata = metadatas[a.ord]
            and (occurred[a.ord] is null or occurred[a.ord] = e.occurred_at) as same
        from asked a cross join lateral (select * from highwater.events e where e.event_id = a.id order by e.position + 0 limit 1) e
      )
      select s.unit, count(*) = max(s.n) and bool_and(s.same) and max(s.version - s.nth) = min(s.version - s.nth) as duplicate,
        min(s.version) as version, min(s.position) as first, max(s.position) as last,
        coalesce((array_agg(s.id order by s.nth) filter (where not s.same))[1], (array_agg(s.id order by s.nth))[1]) as id
      from seen s group by s.unit
    loop
      if verdicts[u.unit] <> 'busy' then
        verdicts[u.unit] := case when u.duplicate then 'duplicate' else 'reused' end;
        found_ids[u.unit] := u.id;
        first_versions[u.unit] := u.version;
        first_positions[u.unit] := u.first;
        last_positions[u.unit] := u.last;
      end if;
    end loop;
  end if;

  all_recorded := not ('busy' = any (verdicts) or 'conflict' = any (verdicts) or 'duplicate' = any (verdicts) or 'reused' = any (verdicts));
  if all_recorded then
    base := highwater.record_events(
      (select array_agg(g.name order by g.ord, k) from unnest(names, counts) with ordinality g(name, n, ord), generate_series(1, g.n) k),
      ids, types, datas, metadatas, occurred);
  else
    -- A request is recorded when all its units can be; a duplicate beside one that is not there means that an id was reused.
    select array_agg(case
        when g.verdict = 'recorded' and not r.can then 'refused'
        when g.verdict = 'duplicate' and not r.was then case when r.busy or r.failed then 'refused' else 'reused' end
        else g.verdict end order by g.ord)
    into verdicts
    from unnest(verdicts, requests) with ordinality g(verdict, request, ord)
    join (
      select q.request, bool_and(q.verdict = 'recorded') as can, bool_and(q.verdict = 'duplicate') as was,
        bool_or(q.verdict = 'busy') as busy, bool_or(q.verdict in ('conflict', 'reused')) as failed
      from unnest(verdicts, requests) q(verdict, request) group by q.request
    ) r on r.request = g.request;

    if 'recorded' = any (verdicts) then
      select highwater.record_events(
        array_agg(o.name order by i.ord), array_agg(ids[i.ord] order by i.ord), array_agg(types[i.ord] order by i.ord),
        array_agg(datas[i.ord] order by i.ord), array_agg(metadatas[i.ord] order by i.ord), array_agg(occurred[i.ord] order by i.ord))
      into base
      from (
        select g.name, g.n, g.verdict, sum(g.n) over (order by g.ord) - g.n as before
        from unnest(names, counts, verdicts) with ordinality g(name, n, verdict, ord)
      ) o cross join lateral (select (o.before + k)::int as ord from generate_series(1, o.n) k) i
      where o.verdict = 'recorded';
    end if;
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
create function highwater.import_batch(
  names text[], ids uuid[], known boolean[], types text[], datas jsonb[], metadatas jsonb[], occurred timestamptz[]
) returns table (imported bigint, first_position bigint, reused uuid, busy text)
language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_mergejoin = off set jit = off as $$
declare
  held text[];
  there boolean[];
  wrong uuid;
  wanted bigint;
begin
  held := highwater.take_log((select array_agg(distinct n) from unnest(names) n));
  if cardinality(held) > 0 then
    return query select 0::bigint, null::bigint, null::uuid, held[1];
    return;
  end if;
  select array_agg(f.same is not null order by f.ord), (array_agg(f.id order by f.ord) filter (where not f.same))[1]
  into there, wrong
  from (
    select i.ord, i.id, case when i.known then (
      select (select s.name from highwater.streams s where s.stream_id = e.stream_id) = names[i.ord]
        and (select k.name from highwater.event_types k where k.type_id = e.type_id) = types[i.ord]
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
  elsif wanted = cardinality(ids) then
    return query select wanted, highwater.record_events(names, ids, types, datas, metadatas, occurred), null::uuid, null::text;
  else
    return query
    select wanted, highwater.record_events(array_agg(names[i.ord] order by i.ord), array_agg(ids[i.ord] order by i.ord),
      array_agg(types[i.ord] order by i.ord), array_agg(datas[i.ord] order by i.ord), array_agg(metadatas[i.ord] order by i.ord),
      array_agg(occurred[i.ord] order by i.ord)), null::uuid, null::text
    from unnest(there) with ordinality i(there, ord) where not i.there;
  end if;
end $$;

-- Runs when a SQL writer commits: its events get their positions, under the log's lock.
create function highwater.record_pending() returns trigger language plpgsql security definer
set search_path = pg_catalog, highwater, pg_temp as $$
begin
  -- Once for all rows of the transaction; the trigger fires for each. No other transaction's rows can be seen here.
  perform 1 from highwater.pending_events limit 1;
  if not found then return null; end if;
  perform pg_advisory_xact_lock(7210, 1);
  perform highwater.record_events(array_agg(p.stream order by p.pending_id), array_agg(p.event_id order by p.pending_id),
    array_agg(p.type order by p.pending_id), array_agg(p.data order by p.pending_id), array_agg(p.metadata order by p.pending_id),
    array_agg(p.occurred_at order by p.pending_id))
  from highwater.pending_events p;
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
