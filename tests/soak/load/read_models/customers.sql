-- highwater: events OrderPlaced
-- highwater: describe What each customer ordered
-- highwater: tables
create table customers (customer text primary key, orders bigint not null, cents bigint not null);
-- highwater: slice
insert into customers as c
select data->>'customer', count(*), sum((data->>'cents')::bigint) from events group by 1
on conflict (customer) do update set orders = c.orders + excluded.orders, cents = c.cents + excluded.cents;
