-- highwater: events OrderPlaced, OrderConfirmed, OrderCompleted, OrderCancelled
-- highwater: describe Where each order stands, and why it was cancelled
-- highwater: replay-safe
-- highwater: tables
create table orders (
  order_name text primary key,
  customer text,
  city text,
  cents bigint,
  state text not null,
  reason text,
  placed_at timestamptz not null,
  changed_at timestamptz not null
);
create index orders_state on orders (state);
-- highwater: slice
insert into orders
select stream, data->>'customer', data->>'city', (data->>'total_cents')::bigint, 'placed', null, occurred_at, occurred_at
from events where type = 'OrderPlaced'
on conflict (order_name) do nothing;

-- Of each order, only what happened last in the slice counts.
update orders o
set state = e.state, reason = e.reason, changed_at = e.occurred_at
from (
  select distinct on (stream) stream, occurred_at, data->>'reason' as reason,
    case type when 'OrderConfirmed' then 'confirmed' when 'OrderCompleted' then 'completed' else 'cancelled' end as state
  from events where type in ('OrderConfirmed', 'OrderCompleted', 'OrderCancelled')
  order by stream, version desc
) e
where o.order_name = e.stream;
