-- Many events in one SQL transaction. What its commit costs grew with the square of their number: the trigger that records them fired
-- for each, and each time looked through all that was recorded and taken away before it; a given id was looked for among all of them.

-- The first one that waits in its transaction. Where a savepoint takes it back, it takes back all that came after it as well, so the
-- next one is the first; where it was recorded at once, by SET CONSTRAINTS, too.
alter table highwater.pending_events add is_first boolean not null default false;
create index pending_events_event_id on highwater.pending_events (event_id);
create index pending_events_stream on highwater.pending_events (stream);

drop trigger record_at_commit on highwater.pending_events;
create constraint trigger record_at_commit after insert on highwater.pending_events
deferrable initially deferred for each row when (new.is_first) execute function highwater.record_pending();

-- Appends in the caller's own transaction. expected_version: -1 none, -2 any, -3 exists, else the version.
-- events: an array of {"type", "data", "id"?, "occurred_at"?, "metadata"?}. Answers their versions; positions are given at commit.
-- HW409: the stream is at another version. HW410: an id is in the log with another content. HW400: not an append.
create or replace function highwater.append(stream text, expected_version bigint, events jsonb) returns table (version bigint)
language plpgsql volatile security definer set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off as $$
declare
  head bigint;
  found_before bigint;
  same_before boolean;
  first_before bigint;
  is_first boolean := not exists (select from highwater.pending_events limit 1);
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
    insert into highwater.pending_events (stream, version, event_id, type, data, metadata, occurred_at, is_first)
    select append.stream, head + ord, coalesce((event->>'id')::uuid, gen_random_uuid()), event->>'type', event->'data',
      coalesce(nullif(event->'metadata', 'null'), '{}'), (event->>'occurred_at')::timestamptz, is_first and ord = 1
    from jsonb_array_elements(events) with ordinality e(event, ord) order by ord
    returning pending_events.version
  ) select a.version from added a order by 1;
end $$;
