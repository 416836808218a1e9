create schema highwater;
create table highwater.schema_versions (version bigint primary key, applied_at timestamptz not null default now(), program text not null);
