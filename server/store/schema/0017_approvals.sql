-- Orders in production that wait for a second person, and what became of them. See src/approvals.rs.

create table highwater.approvals (
  approval_id bigint generated always as identity primary key,
  asked_by text not null,        -- as the audit log has it: a user's name, or token:NAME
  person text not null,          -- the user behind it: of a token who made it
  asked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  method text not null,
  path text not null,            -- with its query
  body text not null,            -- as it was sent; empty: it had none
  subject text not null,         -- the name that was typed
  needs text[] not null check (cardinality(needs) > 0), -- one of these rights
  reason text,
  -- Each state is left once, by a conditional update, so whoever comes second changes nothing. An open one that has expired stays open here.
  state text not null default 'open' check (state in ('open', 'carrying_out', 'done', 'failed', 'unknown', 'declined', 'withdrawn')),
  decided_by text,
  decided_at timestamptz,
  comment text,
  status int,                    -- what the order was answered
  said text,                     -- why it was refused
  check ((state = 'open') = (decided_by is null))
);
create index approvals_open on highwater.approvals (approval_id) where state in ('open', 'carrying_out');
