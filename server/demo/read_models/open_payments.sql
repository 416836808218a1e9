-- highwater: events Payment*
-- highwater: describe Payments that are neither captured nor refused nor given back
-- highwater: tables
create table payments (
  payment text primary key,
  order_name text,
  cents bigint,
  state text not null,
  requested_at timestamptz not null
);
-- highwater: each
insert into payments
select stream, data->>'order', (data->>'amount_cents')::bigint, 'requested', occurred_at
from event where type = 'PaymentRequested'
on conflict (payment) do nothing;
update payments p set state = 'authorized' from event e where e.type = 'PaymentAuthorized' and p.payment = e.stream;
delete from payments p using event e
where e.type in ('PaymentCaptured', 'PaymentRefused', 'PaymentRefunded') and p.payment = e.stream;
