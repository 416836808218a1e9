-- The chain of the audit log: each action is sealed with the SHA-256 of its text and of the seal before it, so that one that was changed, removed or put in between is seen.
-- See src/audit_chain.rs. Seals follow each other in the order in which actions were committed, as far as that was seen; that is not the order of their ids.

create table highwater.action_seals (
  seal bigint primary key,   -- from 1, without gaps
  action_id bigint not null unique references highwater.actions,
  hash bytea not null,
  sealed_at timestamptz not null default clock_timestamp()
);
create trigger append_only before update or delete or truncate on highwater.action_seals
for each statement execute function highwater.refuse_action_change();

-- An action as it is sealed: its fields in one order, whatever the session's settings are.
create function highwater.action_text(a highwater.actions) returns text
language sql stable set timezone to 'UTC' set datestyle to 'ISO' as $$
  select jsonb_build_object('action_id', a.action_id, 'at', extract(epoch from a.at)::text, 'actor', a.actor, 'action', a.action,
    'read_model', a.read_model, 'subscription', a.subscription, 'reason', a.reason, 'before', a.before, 'after', a.after,
    'outcome', a.outcome, 'follows', a.follows)::text
$$;

create function highwater.seal_hash(before bytea, a highwater.actions) returns bytea language sql stable as $$
  select sha256(before || convert_to(highwater.action_text(a), 'UTF8'))
$$;

-- Seals what is not sealed yet, so many at most and none with a smaller id than the one given; answers how many.
create function highwater.seal_actions(from_id bigint, at_most int) returns int language plpgsql as $$
declare
  last_seal bigint;
  last_hash bytea;
  done int := 0;
  a highwater.actions;
begin
  -- One program at a time: whoever comes meanwhile has nothing to do.
  if not pg_try_advisory_xact_lock(7210, 9) then
    return 0;
  end if;
  select s.seal, s.hash into last_seal, last_hash from highwater.action_seals s order by s.seal desc limit 1;
  last_seal := coalesce(last_seal, 0);
  last_hash := coalesce(last_hash, sha256('highwater'));
  for a in
    select x.* from highwater.actions x
    where x.action_id >= from_id and not exists (select from highwater.action_seals s where s.action_id = x.action_id)
    order by x.action_id limit at_most
  loop
    last_seal := last_seal + 1;
    last_hash := highwater.seal_hash(last_hash, a);
    insert into highwater.action_seals (seal, action_id, hash) values (last_seal, a.action_id, last_hash);
    done := done + 1;
  end loop;
  return done;
end $$;
