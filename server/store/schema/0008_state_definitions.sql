-- State definitions: what an event makes of the state of its category's streams. See src/state_definitions.

create table highwater.state_definitions (
  category text collate "C" primary key,
  definition_id bigint not null unique, -- another with each text: the function that runs it is highwater_states.fold_<id>
  definition text not null,             -- the whole text
  describe text,
  actor text not null,
  set_at timestamptz not null default clock_timestamp()
);
create sequence highwater.state_definition_ids owned by highwater.state_definitions.definition_id;

-- Holds the functions of definitions and nothing else. They belong to a role that has no rights on anything but this schema.
create schema highwater_states;
