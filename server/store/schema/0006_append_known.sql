-- Counts may be taken beside appends now: by one at a time, and only what all three statements see.
create or replace function highwater.count_events() returns void language plpgsql volatile as $$
declare
  done bigint := (select c.position from highwater.counted c for update);
  upto bigint := (select max(e.position) from highwater.events e);
begin
  insert into highwater.type_counts as c
  select e.type_id, e.position / 10000, count(*), min(e.position), max(e.position)
  from highwater.events e where e.position > done and e.position <= upto group by 1, 2
  on conflict (type_id, block) do update set count = c.count + excluded.count, last_position = excluded.last_position;

  insert into highwater.category_counts as c
  select s.category, e.block, sum(e.count), sum(e.begun), min(e.first_position), max(e.last_position)
  from (
    select e.stream_id, e.position / 10000 as block, count(*) as count, count(*) filter (where e.version = 0) as begun,
      min(e.position) as first_position, max(e.position) as last_position
    from highwater.events e where e.position > done and e.position <= upto group by 1, 2
  ) e join highwater.streams s using (stream_id) group by 1, 2
  on conflict (category, block) do update
  set count = c.count + excluded.count, streams = c.streams + excluded.streams, last_position = excluded.last_position;

  update highwater.counted set position = upto where upto > done;
end $$;

-- For the program, beside its appends.
create function highwater.count_appended() returns void language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform highwater.count_events();
end $$;

-- What is not counted yet, in the views of counts: some 1,000 events, never more than 10,000.
create or replace view highwater.type_blocks as
select * from highwater.type_counts
union all
select e.type_id, e.position / 10000, count(*), min(e.position), max(e.position)
from (
  select u.type_id, u.position from highwater.events u
  where u.position > (select c.position from highwater.counted c) order by u.position limit 10000
) e group by 1, 2;

create or replace view highwater.category_blocks as
select * from highwater.category_counts
union all
select s.category, e.block, sum(e.count)::bigint, sum(e.begun)::bigint, min(e.first_position), max(e.last_position)
from (
  select o.stream_id, o.position / 10000 as block, count(*) as count, count(*) filter (where o.version = 0) as begun,
    min(o.position) as first_position, max(o.position) as last_position
  from (
    select u.stream_id, u.position, u.version from highwater.events u
    where u.position > (select c.position from highwater.counted c) order by u.position limit 10000
  ) o group by 1, 2
) e join highwater.streams s using (stream_id) group by 1, 2;

-- What the program appends with, leaner than append_new (which stays for programs that still run on the schema before): one function,
-- not one that calls others, without settings of its own, and without a NOTIFY, which together were an eighth of a batch: the program
-- sends one when the batch is committed, every few milliseconds at most. Ids of correlation and causation come from who has checked
-- the metadata already. Nor does it count, a tenth of a batch: the program does beside its batches.
-- Its caller's session has the settings that keep each look-up an index probe (enable_seqscan and the like).
-- heads and stream_ids have null where they are not known; metadatas where an event has none, and these and the three behind it are
-- null when no event of the batch has any. base is null, and nothing is recorded, when an append does not fit.
create function highwater.append_known(
  seen bigint, names text[], expected bigint[], inout stream_ids bigint[], inout heads bigint[], kinds text[], inout type_ids int[],
  unit int[], nth int[], kind int[], ids uuid[], datas jsonb[], metadatas jsonb[], correlation_ids uuid[], causation_ids uuid[],
  occurred timestamptz[], out base bigint
) language plpgsql volatile security definer set search_path = pg_catalog, highwater, pg_temp as $$
declare
  at timestamptz;
  fits boolean;
  new_ids bigint[];
  new_names text[];
  looked_up boolean := false;
  new_types boolean := array_position(type_ids, null) is not null;
begin
  perform pg_advisory_xact_lock(7210, 1);
  -- Somebody appends in SQL, to a stream of these perhaps.
  if not pg_try_advisory_xact_lock(7210, 2) then
    if cardinality(highwater.take_log(names)) > 0 then return; end if;
  end if;
  select e.position, greatest(clock_timestamp(), e.recorded_at) into base, at from highwater.events e order by e.position desc limit 1;
  if base is null then
    base := 0;
    at := clock_timestamp();
  end if;

  if base <> seen or array_position(heads, null) is not null then
    looked_up := true;
    -- In one pass, in the order of the arrays, as nothing here sorts or hashes: who is not there gets an id.
    select array_agg(h.stream_id), array_agg(h.head), bool_and(h.expected = -2 or h.expected = h.head or (h.expected = -3 and h.head >= 0)),
      array_agg(h.stream_id) filter (where h.is_new), array_agg(h.name) filter (where h.is_new)
    into stream_ids, heads, fits, new_ids, new_names
    from (
      select g.name, g.expected, f.found is null as is_new, coalesce(f.found, nextval('highwater.streams_stream_id_seq')) as stream_id,
        case when base = seen and g.head is not null then g.head when f.found is null then -1 else coalesce(
          (select e.version from highwater.events e where e.stream_id = f.found order by e.version desc limit 1), -1) end as head
      from unnest(names, expected, stream_ids, heads) g(name, expected, stream_id, head)
      cross join lateral (
        select coalesce(g.stream_id, (select s.stream_id from highwater.streams s where s.name = g.name limit 1)) as found offset 0
      ) f offset 0
    ) h;
    if not fits then
      base := null;
      return;
    end if;
    if new_ids is not null then
      insert into highwater.streams (stream_id, name, category) overriding system value
      select n.stream_id, n.name, split_part(n.name, '-', 1) from unnest(new_ids, new_names) n(stream_id, name);
    end if;
  end if;
  if new_types then
    select array_agg((select t.type_id from highwater.event_types t where t.name = g.name) order by g.ord) into type_ids
    from unnest(kinds) with ordinality g(name, ord);
    if array_position(type_ids, null) is not null then
      insert into highwater.event_types (name)
      select g.name from unnest(kinds, type_ids) with ordinality g(name, type_id, ord) where g.type_id is null order by g.ord;
      select array_agg((select t.type_id from highwater.event_types t where t.name = g.name) order by g.ord) into type_ids
      from unnest(kinds) with ordinality g(name, ord);
    end if;
  end if;

  insert into highwater.events (position, stream_id, version, event_id, type_id, data, metadata, correlation_id, causation_id, occurred_at, recorded_at)
  select base + e.n, stream_ids[unit[e.n]], heads[unit[e.n]] + nth[e.n], ids[e.n], type_ids[kind[e.n]], e.data, coalesce(e.metadata, '{}'),
    e.correlation_id, e.causation_id, coalesce(e.occurred, at), at
  from unnest(datas, metadatas, correlation_ids, causation_ids, occurred)
    with ordinality e(data, metadata, correlation_id, causation_id, occurred, n);

  -- Whoever counts is late, or gone.
  if (base + cardinality(ids)) / 1000 > base / 1000 and base - (select c.position from highwater.counted c) > 5000 then
    perform highwater.count_events();
  end if;
  if not looked_up then
    stream_ids := null;
    heads := null;
  end if;
  if not new_types then type_ids := null; end if;
end $$;
