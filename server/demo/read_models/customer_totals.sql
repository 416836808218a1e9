-- highwater: events OrderPlaced
-- highwater: describe What each customer ordered
-- highwater: tables
create table customers (
  customer text primary key,
  orders bigint not null,
  cents bigint not null,
  largest_cents bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null
);
-- highwater: slice
insert into customers as c
select coalesce(data->>'customer', 'unknown'), count(*), coalesce(sum((data->>'total_cents')::bigint), 0),
  coalesce(max((data->>'total_cents')::bigint), 0), min(occurred_at), max(occurred_at)
from events group by 1
on conflict (customer) do update set
  orders = c.orders + excluded.orders,
  cents = c.cents + excluded.cents,
  largest_cents = greatest(c.largest_cents, excluded.largest_cents),
  first_at = least(c.first_at, excluded.first_at),
  last_at = greatest(c.last_at, excluded.last_at);
