-- highwater: events OrderPlaced, ParcelSent
-- highwater: describe Orders whose parcel was not sent yet
-- highwater: tables
create table orders (order_name text primary key, customer text not null, cents bigint not null);
-- highwater: slice
-- Of each order, only what happened last in the slice counts.
delete from orders o using (
  select distinct on (stream) stream, type from events order by stream, version desc
) e
where e.type = 'ParcelSent' and o.order_name = e.stream;

insert into orders
select e.stream, e.data->>'customer', (e.data->>'cents')::bigint
from (select distinct on (stream) stream, type, data from events order by stream, version desc) e
where e.type = 'OrderPlaced'
on conflict (order_name) do update set customer = excluded.customer, cents = excluded.cents;
