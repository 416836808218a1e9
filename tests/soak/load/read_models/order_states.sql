-- highwater: events Order*, Payment*, Stock*, Parcel*
-- highwater: describe What happened last to each order
-- highwater: tables
create table orders (order_name text primary key, state text not null, version bigint not null, cents bigint not null);
-- highwater: slice
insert into orders
select distinct on (stream) stream, type, version, (data->>'cents')::bigint
from events order by stream, version desc
on conflict (order_name) do update set state = excluded.state, version = excluded.version, cents = excluded.cents;
