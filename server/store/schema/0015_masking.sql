-- Masked fields: what of events not everybody sees. See src/identity/masking.rs.

create table highwater.mask_rules (
  rule_id bigint generated always as identity primary key,
  types text not null,   -- as the filter line has them behind type:
  path text not null,    -- data.customer.email
  visible_to text not null check (visible_to in ('operator', 'author', 'admin')),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  reason text not null,
  unique (types, path)
);
-- Whoever remembers who somebody is remembers what is hidden from them: every server asks anew, and so do open connections.
create trigger count_change after insert or update or delete or truncate on highwater.mask_rules
for each statement execute function highwater.count_identity_change();

-- Read models whose rows and errors hold nothing that is masked, as somebody has said. It is looked up for each answer, so nobody has to learn of a change.
create table highwater.mask_cleared (
  read_model text collate "C" primary key,
  by text not null,
  reason text not null,
  at timestamptz not null default clock_timestamp()
);

-- The types that any version of a read model has ever handled: its old jobs and errors may quote events of theirs when the version is gone.
create table highwater.handled_types (
  read_model text collate "C" not null,
  type text not null,    -- as the definition writes it; * stands for any characters
  primary key (read_model, type)
);
insert into highwater.handled_types (read_model, type)
select m.name, t.type from highwater.read_models m join highwater.read_model_versions v using (read_model_id) cross join unnest(v.event_types) t(type)
on conflict do nothing;
-- Of versions that are gone by now nobody knows.
insert into highwater.handled_types (read_model, type)
select m.name, '*' from highwater.read_models m
where exists (select from highwater.jobs j where j.read_model_id = m.read_model_id and j.version_id is null)
   or (select max(v.number) > count(*) from highwater.read_model_versions v where v.read_model_id = m.read_model_id)
on conflict do nothing;

-- Keeps the types of a version. What was said of a read model's rows was said of the definitions that were there: another one takes it back.
create function highwater.note_handled_types() returns trigger language plpgsql as $$
begin
  insert into highwater.handled_types (read_model, type)
  select m.name, t.type from highwater.read_models m cross join unnest(new.event_types) t(type) where m.read_model_id = new.read_model_id
  on conflict do nothing;
  delete from highwater.mask_cleared c using highwater.read_models m
  where m.read_model_id = new.read_model_id and c.read_model = m.name and not exists (
    select from highwater.read_model_versions v
    where v.read_model_id = new.read_model_id and v.version_id <> new.version_id and v.definition = new.definition and v.event_types = new.event_types);
  return null;
end $$;
create trigger note_handled_types after insert on highwater.read_model_versions
for each row execute function highwater.note_handled_types();
-- A projection in code says its types anew whenever its program starts.
create trigger note_changed_types after update of event_types, definition on highwater.read_model_versions for each row
when (old.event_types is distinct from new.event_types or old.definition is distinct from new.definition)
execute function highwater.note_handled_types();
