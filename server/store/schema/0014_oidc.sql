-- Users whom a provider of OpenID Connect knows, and their logins on the way. See src/identity/providers.rs.

-- Such a user is known by these two, and not by a name, which may change hands at the provider.
alter table highwater.users
  add column issuer text,
  add column subject text,
  add check ((issuer is null) = (subject is null)),
  add unique (issuer, subject);

-- Who is known by another provider, or by none any more, loses the sessions that came from it.
drop trigger count_change on highwater.users;
create trigger count_change after update of name, role, password, disabled, issuer, subject or delete on highwater.users
for each statement execute function highwater.count_identity_change();

-- Logins that were begun here and go on at the provider: a row goes when it is used. The browser that began one holds a secret, of which this is the SHA-256.
create table highwater.begun_logins (
  secret_hash bytea primary key,
  next text not null,   -- the path that the browser goes to then
  expires_at timestamptz not null
);
create index begun_logins_expiry on highwater.begun_logins (expires_at);
