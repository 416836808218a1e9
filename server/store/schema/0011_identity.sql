-- Users, their sessions, invitations, and tokens of programs. See src/identity.
-- No secret stands here: of what a browser, a link or a program holds there is the SHA-256 (256 random bits need no slower hash), of a password argon2id.

create table highwater.users (
  user_id bigint generated always as identity primary key,
  name text not null,
  role text not null check (role in ('viewer', 'operator', 'author', 'admin')),
  password text,   -- as a PHC string; null until they have chosen one
  disabled boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz
);
create unique index users_name on highwater.users (lower(name));

create table highwater.sessions (
  secret_hash bytea primary key,
  user_id bigint not null references highwater.users on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);
create index sessions_user on highwater.sessions (user_id);

create table highwater.invitations (
  key_hash bytea primary key,
  user_id bigint references highwater.users on delete cascade,   -- null: the first admin
  expires_at timestamptz not null
);
create index invitations_user on highwater.invitations (user_id);

create table highwater.api_tokens (
  token_id bigint generated always as identity primary key,
  name text not null,
  secret_hash bytea not null unique,
  rights text[] not null check (cardinality(rights) > 0),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create unique index api_tokens_name on highwater.api_tokens (lower(name));

-- Counts what takes rights away, so that every server that remembers who somebody is learns of it, also of changes made in SQL.
create table highwater.identity_changes (
  the_only_row boolean primary key default true check (the_only_row),
  changes bigint not null default 0
);
insert into highwater.identity_changes default values;

create function highwater.count_identity_change() returns trigger language plpgsql as $$
begin
  update highwater.identity_changes set changes = changes + 1;
  return null;
end $$;
create trigger count_change after update of name, role, password, disabled or delete on highwater.users
for each statement execute function highwater.count_identity_change();
create trigger count_change after delete on highwater.sessions
for each statement execute function highwater.count_identity_change();
create trigger count_change after update of rights, expires_at, secret_hash or delete on highwater.api_tokens
for each statement execute function highwater.count_identity_change();

-- Links that show the Stage to somebody without a login.
create table highwater.shares (
  share_id bigint generated always as identity primary key,
  key_hash bytea not null unique,
  since timestamptz,   -- a recording: from here …
  until timestamptz,   -- … to here; both or none
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  seen_at timestamptz,
  check ((since is null) = (until is null) and (since is null or since < until))
);
create trigger count_change after update of expires_at, since, until, key_hash or delete on highwater.shares
for each statement execute function highwater.count_identity_change();
