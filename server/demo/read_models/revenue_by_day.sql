-- highwater: events OrderPlaced
-- highwater: describe What was earned each day. Known bug: an order counts even when it is cancelled later; fixed/revenue_by_day.sql repairs it
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
