-- highwater: events OrderPlaced, OrderCancelled
-- highwater: describe What was earned each day; a cancelled order counts no more
-- highwater: tables
create table revenue (day date primary key, orders bigint not null, cents bigint not null);
create table orders (order_name text primary key, day date not null, cents bigint not null);
-- highwater: slice
with counted as (
  insert into orders
  select stream, (occurred_at at time zone 'UTC')::date, coalesce((data->>'total_cents')::bigint, 0)
  from events where type = 'OrderPlaced'
  on conflict (order_name) do nothing
  returning day, cents
)
insert into revenue
select day, count(*), sum(cents) from counted group by day
on conflict (day) do update set orders = revenue.orders + excluded.orders, cents = revenue.cents + excluded.cents;

with cancelled as (
  delete from orders o using events e
  where e.type = 'OrderCancelled' and o.order_name = e.stream
  returning o.day, o.cents
)
update revenue r
set orders = r.orders - c.orders, cents = r.cents - c.cents
from (select day, count(*) as orders, sum(cents) as cents from cancelled group by day) c
where r.day = c.day;
