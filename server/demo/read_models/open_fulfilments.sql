-- highwater: events FulfilmentStarted, PaymentAsked, GoodsAsked, ConfirmationAsked, ShipmentAsked, CaptureAsked, CancellationBegun, FulfilmentEnded
-- highwater: describe Orders on their way: what each waits for, and since when; the process manager reads here which have waited too long
-- highwater: tables
create table fulfilments (
  fulfilment text primary key,
  order_name text,
  waits_for text not null,
  asked_by uuid not null,
  correlation uuid,
  since_ms bigint
);
create index fulfilments_since_ms on fulfilments (since_ms);
-- highwater: each
insert into fulfilments
select stream, data->>'order', 'payment', id, (metadata->>'correlation_id')::uuid, null
from event where type = 'FulfilmentStarted'
on conflict (fulfilment) do nothing;

-- What has no time, the services bring to its end by themselves.
update fulfilments f
set asked_by = e.id,
  waits_for = case e.type
    when 'PaymentAsked' then 'payment' when 'GoodsAsked' then 'goods' when 'ConfirmationAsked' then 'confirmation'
    when 'ShipmentAsked' then 'shipment' when 'CaptureAsked' then 'delivery' else 'cancellation' end,
  since_ms = case when e.type not in ('ConfirmationAsked', 'CancellationBegun')
    then (extract(epoch from e.occurred_at) * 1000)::bigint end
from event e
where e.type not in ('FulfilmentStarted', 'FulfilmentEnded') and f.fulfilment = e.stream;

delete from fulfilments f using event e where e.type = 'FulfilmentEnded' and f.fulfilment = e.stream;
