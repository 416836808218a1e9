-- Maintenance: while it is on, no read model handles a slice, on any server. See src/maintenance.rs.

create table highwater.maintenance (
  the_only_row boolean primary key default true check (the_only_row), -- none: it is off
  by text not null,
  reason text not null,
  since timestamptz not null default clock_timestamp()
);

-- Whether maintenance is on, or begins in this moment. Whoever moves a checkpoint asks first; who is told that it is off keeps it off until
-- the end of their transaction. It never waits: while maintenance begins nobody is let through any more.
create function highwater.under_maintenance() returns boolean language plpgsql volatile as $$
begin
  if not pg_try_advisory_xact_lock_shared(7210, 13) then
    return true;
  end if;
  -- A statement of its own, so that it sees what was committed before the lock was free.
  return exists (select from highwater.maintenance);
end $$;

-- As before, and one outcome more: maintenance (nothing begins until it ends).
create or replace function highwater.begin_slice(
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
  if highwater.under_maintenance() then
    outcome := 'maintenance';
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
