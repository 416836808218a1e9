-- Flows: the events of one correlation id, summarised beside the appends, so that a list of flows reads no events. See src/flows.

-- By which the flows of a kind end; a kind is the type that they begin with. Names, not ids: a rule may be older than its first event.
create table highwater.flow_rules (
  kind text collate "C" primary key,
  ends text[] not null,                   -- a flow is finished when it has an event of one of these types; none: the rule was taken back
  within_ms bigint check (within_ms > 0), -- an unfinished flow is late after so long; null: never
  actor text not null,
  set_at timestamptz not null default clock_timestamp(),
  judge_before bigint                     -- flows that began before this position are still to be judged by it; null: none is
);

-- What changes with each event of a flow is in no index, so that such a change touches its row alone.
create table highwater.flows (
  correlation_id uuid primary key,
  kind int not null,             -- type of its first event
  first_position bigint not null,
  last_position bigint not null,
  last_type int not null,        -- type of its newest event
  events bigint not null,
  began_at timestamptz not null, -- the earliest moment at which one of its events occurred
  ended_at timestamptz not null, -- the latest
  types int[] not null,          -- of its events, each once
  outcome int,                   -- type of the newest event that ends it by the rule of its kind
  state smallint not null        -- 0 no rule, 1 unfinished, 2 finished
) with (fillfactor = 70);
create index flows_newest on highwater.flows (first_position);
create index flows_kind on highwater.flows (kind, first_position);
create index flows_unfinished on highwater.flows (kind, first_position) where state = 1;

-- One row: up to where flows are summarised. Whoever writes flows holds it.
create table highwater.flows_summarised (position bigint not null) with (fillfactor = 10);
insert into highwater.flows_summarised values (0);

-- Summarises up to `most` more events. Answers up to where it is done, and where the log ends; null when another program is at it.
create function highwater.summarise_flows(most int, out done bigint, out log_end bigint) language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  behind bigint;
begin
  select p.position into behind from highwater.flows_summarised p for update skip locked;
  if behind is null then return; end if;
  log_end := coalesce((select e.position from highwater.events e order by e.position desc limit 1), 0);
  done := least(log_end, behind + most);
  if done <= behind then
    done := behind;
    return;
  end if;

  -- What the flow was and the rule of its kind are found by key, one flow at a time: any other plan reads tables that grow without end.
  insert into highwater.flows as f (
    correlation_id, kind, first_position, last_position, last_type, events, began_at, ended_at, types, outcome, state)
  select n.correlation_id, n.kind, n.first_position, n.last_position, n.in_order[cardinality(n.in_order)], n.events, n.began_at, n.ended_at,
    n.types, n.outcome, case when n.ends is null or cardinality(n.ends) = 0 then 0 when n.outcome is null then 1 else 2 end
  from (
    select s.*, k.kind, r.ends,
      array(select distinct t.id from unnest(coalesce(o.types, '{}') || s.in_order) t(id)) as types,
      coalesce(
        (select u.id from unnest(s.in_order) with ordinality u(id, nth)
         where (select t.name from highwater.event_types t where t.type_id = u.id) = any (r.ends) order by u.nth desc limit 1),
        o.outcome) as outcome
    from (
      select e.correlation_id, min(e.position) as first_position, max(e.position) as last_position, count(*) as events,
        min(e.occurred_at) as began_at, max(e.occurred_at) as ended_at, array_agg(e.type_id order by e.position) as in_order
      from highwater.events e
      where e.position > behind and e.position <= done and e.correlation_id is not null
      group by 1
    ) s
    left join lateral (select w.kind, w.types, w.outcome from highwater.flows w where w.correlation_id = s.correlation_id limit 1) o on true
    cross join lateral (select coalesce(o.kind, s.in_order[1]) as kind) k
    left join lateral (
      select w.ends from highwater.flow_rules w
      where w.kind = (select t.name from highwater.event_types t where t.type_id = k.kind) limit 1
    ) r on true
  ) n
  on conflict (correlation_id) do update set
    last_position = excluded.last_position, last_type = excluded.last_type, events = f.events + excluded.events,
    began_at = least(f.began_at, excluded.began_at), ended_at = greatest(f.ended_at, excluded.ended_at),
    types = excluded.types, outcome = excluded.outcome, state = excluded.state;
  update highwater.flows_summarised set position = done;
end $$;

-- Judges up to `most` flows by a rule that was written after they were summarised, the newest first. Answers whether there was something
-- to judge; null when another program writes flows.
create function highwater.judge_flows(most int) returns boolean language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  rule record;
  kind_id int;
  ids int[];
  lowest bigint;
  judged bigint;
begin
  perform from highwater.flows_summarised p for update skip locked;
  if not found then return null; end if;
  select r.kind, r.ends, r.judge_before into rule from highwater.flow_rules r where r.judge_before is not null order by r.set_at limit 1 for update;
  if not found then return false; end if;
  kind_id := (select t.type_id from highwater.event_types t where t.name = rule.kind);
  ids := array(select t.type_id from highwater.event_types t where t.name = any (rule.ends));
  with batch as (
    select w.correlation_id, w.first_position from highwater.flows w
    where w.kind between kind_id and kind_id and w.first_position < rule.judge_before
    order by w.kind desc, w.first_position desc limit most
  ), changed as (
    update highwater.flows f set outcome = o.outcome, state = case when cardinality(rule.ends) = 0 then 0 when o.outcome is null then 1 else 2 end
    from batch s
    cross join lateral (
      select case when w.types && ids then (
        select e.type_id from highwater.events e
        where e.correlation_id = w.correlation_id and e.position <= w.last_position and e.type_id = any (ids)
        order by e.position desc limit 1) end as outcome
      from highwater.flows w where w.correlation_id = s.correlation_id limit 1
    ) o
    where f.correlation_id = s.correlation_id
  )
  select min(s.first_position), count(*) into lowest, judged from batch s;
  update highwater.flow_rules r set judge_before = case when judged < most then null else lowest end where r.kind = rule.kind;
  return true;
end $$;

-- Writes a kind's rule. Flows that are summarised later go by it at once, those before are judged by judge_flows.
create function highwater.set_flow_rule(kind text, ends text[], within_ms bigint, actor text) returns void language plpgsql volatile security definer
set search_path = pg_catalog, highwater, pg_temp as $$
declare
  done bigint := (select p.position from highwater.flows_summarised p for update);
begin
  insert into highwater.flow_rules as r (kind, ends, within_ms, actor, judge_before) values (kind, ends, within_ms, actor, done + 1)
  on conflict on constraint flow_rules_pkey do update
  set ends = excluded.ends, within_ms = excluded.within_ms, actor = excluded.actor, set_at = clock_timestamp(), judge_before = excluded.judge_before;
end $$;
