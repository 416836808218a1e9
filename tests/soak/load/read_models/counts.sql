-- highwater: events Order*, Payment*, Stock*, Parcel*
-- highwater: describe How many events of each type there are
-- highwater: tables
create table counts (type text primary key, seen bigint not null);
-- highwater: slice
insert into counts as c
select type, count(*) from events group by type
on conflict (type) do update set seen = c.seen + excluded.seen;
