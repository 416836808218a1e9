-- highwater: events OrderPlaced, OrderCancellationRequested, OrderConfirmed, OrderCompleted, OrderCancelled, PaymentAuthorized, ShipmentDispatched, ShipmentDelivered
-- highwater: describe How far each order is, as its customer sees it
-- highwater: tables
create table orders (
  order_name text primary key,
  correlation uuid,
  customer text,
  city text,
  items jsonb not null,
  total_cents bigint,
  currency text,
  state text not null,
  reason text,
  placed_at timestamptz not null,
  paid_at timestamptz,
  packed_at timestamptz,
  sent_at timestamptz,
  arrived_at timestamptz,
  tracking text,
  unwanted_at timestamptz,
  ended_at timestamptz
);
create index orders_placed_at on orders (placed_at);
-- highwater: each
insert into orders (order_name, correlation, customer, city, items, total_cents, currency, state, placed_at)
select stream, (metadata->>'correlation_id')::uuid, data->>'customer', data->>'city', coalesce(data->'items', '[]'),
  (data->>'total_cents')::bigint, data->>'currency', 'placed', occurred_at
from event where type = 'OrderPlaced'
on conflict (order_name) do nothing;

-- Payments and shipments name their order; the order's own events are in its stream.
update orders o
set state = case e.type
    when 'PaymentAuthorized' then 'paid' when 'OrderConfirmed' then 'packed' when 'ShipmentDispatched' then 'sent'
    when 'ShipmentDelivered' then 'arrived' when 'OrderCompleted' then 'completed' when 'OrderCancelled' then 'cancelled' else o.state end,
  reason = coalesce(case when e.type = 'OrderCancelled' then e.data->>'reason' end, o.reason),
  tracking = coalesce(case when e.type = 'ShipmentDispatched' then e.data->>'tracking' end, o.tracking),
  paid_at = case when e.type = 'PaymentAuthorized' then e.occurred_at else o.paid_at end,
  packed_at = case when e.type = 'OrderConfirmed' then e.occurred_at else o.packed_at end,
  sent_at = case when e.type = 'ShipmentDispatched' then e.occurred_at else o.sent_at end,
  arrived_at = case when e.type = 'ShipmentDelivered' then e.occurred_at else o.arrived_at end,
  unwanted_at = case when e.type = 'OrderCancellationRequested' then e.occurred_at else o.unwanted_at end,
  ended_at = case when e.type in ('OrderCompleted', 'OrderCancelled') then e.occurred_at else o.ended_at end
from event e
where e.type <> 'OrderPlaced'
  and o.order_name = case when e.type like 'Order%' then e.stream else e.data->>'order' end
  -- What comes in after the end changes nothing that its customer sees.
  and o.ended_at is null;
