-- highwater: events ParcelSent
-- highwater: describe Each good's parcels, and the newest of them
-- highwater: tables
create table parcels (good text primary key, sent bigint not null, last_order text not null, last_cents bigint not null);
-- highwater: each
insert into parcels as p
select data->>'good', 1, stream, (data->>'cents')::bigint from event
on conflict (good) do update set sent = p.sent + 1, last_order = excluded.last_order, last_cents = excluded.last_cents;
