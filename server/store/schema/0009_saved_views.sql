-- Saved views: what a page of the console shows, by a name. See src/saved_views.rs.

create table highwater.saved_views (
  view_id bigint generated always as identity primary key,
  page text not null check (page in ('live', 'streams', 'flows')),
  name text not null,
  query text not null,   -- the page's query string, without its question mark
  owner text not null,   -- who saved it
  shared boolean not null,
  saved_at timestamptz not null default clock_timestamp(),
  unique (owner, page, name)
);
