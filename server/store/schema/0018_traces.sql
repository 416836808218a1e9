-- An event's traceparent says in which request it was appended, not what happened: whoever sends an event again does so in another request, so a
-- repeat is compared without it.
do $$
declare
  change record;
  definition text;
begin
  for change in
    select * from (values
      ('append_batch', 'e.metadata = metadatas[i.ord]', 'e.metadata - ''traceparent'' = metadatas[i.ord] - ''traceparent'''),
      ('import_batch', 'e.metadata = metadatas[i.ord]', 'e.metadata - ''traceparent'' = metadatas[i.ord] - ''traceparent'''),
      ('append', 'r.metadata = coalesce(nullif(event->''metadata'', ''null''), ''{}'')',
        'r.metadata - ''traceparent'' = coalesce(nullif(event->''metadata'', ''null''), ''{}'') - ''traceparent''')
    ) c(name, said, says)
  loop
    select pg_get_functiondef(p.oid) into strict definition
    from pg_proc p where p.pronamespace = 'highwater'::regnamespace and p.proname = change.name;
    if position(change.said in definition) = 0 then
      raise exception 'highwater.% does not compare metadata as it did', change.name;
    end if;
    execute replace(definition, change.said, change.says);
  end loop;
end $$;
