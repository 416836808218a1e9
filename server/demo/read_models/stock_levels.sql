-- highwater: events StockReserved, StockReleased, StockReceived, StockDepleted
-- highwater: describe How many pieces of each good are there, and how often they ran out
-- highwater: tables
create table stock (
  sku text primary key,
  available bigint,
  reserved bigint not null default 0,
  received bigint not null default 0,
  ran_out bigint not null default 0,
  changed_at timestamptz not null
);
-- highwater: each
insert into stock as s (sku, available, reserved, received, ran_out, changed_at)
select substr(stream, length('stock-') + 1), (data->>'available')::bigint,
  case type when 'StockReserved' then (data->>'quantity')::bigint when 'StockReleased' then -(data->>'quantity')::bigint else 0 end,
  case type when 'StockReceived' then (data->>'quantity')::bigint else 0 end,
  case type when 'StockDepleted' then 1 else 0 end,
  occurred_at
from event
on conflict (sku) do update set
  available = excluded.available,
  reserved = s.reserved + excluded.reserved,
  received = s.received + excluded.received,
  ran_out = s.ran_out + excluded.ran_out,
  changed_at = excluded.changed_at;
