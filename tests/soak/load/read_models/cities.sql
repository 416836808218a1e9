-- highwater: events OrderPlaced, ParcelSent
-- highwater: describe Parcels by the city that their order was first placed from
-- highwater: tables
create table orders (order_name text primary key, city text not null);
create table cities (city text primary key, parcels bigint not null, cents bigint not null);
-- highwater: slice
insert into orders
select distinct on (stream) stream, data->>'city' from events where type = 'OrderPlaced' order by stream, version
on conflict (order_name) do nothing;

-- An order is placed before its parcel is sent, so it is there by now.
insert into cities as c
select o.city, count(*), sum((e.data->>'cents')::bigint)
from events e join orders o on o.order_name = e.stream
where e.type = 'ParcelSent' group by o.city
on conflict (city) do update set parcels = c.parcels + excluded.parcels, cents = c.cents + excluded.cents;
