-- highwater: events Order*, Payment*, Stock*, Parcel*
-- highwater: describe What happened in each minute, by type
-- highwater: tables
create table minutes (minute timestamptz not null, type text not null, seen bigint not null, cents bigint not null, primary key (minute, type));
-- highwater: slice
insert into minutes as m
select date_trunc('minute', occurred_at), type, count(*), sum((data->>'cents')::bigint) from events group by 1, 2
on conflict (minute, type) do update set seen = m.seen + excluded.seen, cents = m.cents + excluded.cents;
