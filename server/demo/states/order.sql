-- highwater: state order
-- highwater: describe What was bought, by whom, and how far it is
state || case type
  when 'OrderPlaced' then data || jsonb_build_object(
    'status', 'placed', 'placed_at', occurred_at,
    'pieces', (select sum((item->>'quantity')::int) from jsonb_array_elements(data->'items') item))
  when 'OrderConfirmed' then jsonb_build_object('status', 'confirmed', 'payment', data->'payment')
  when 'OrderCompleted' then jsonb_build_object('status', 'completed', 'shipment', data->'shipment', 'completed_at', occurred_at)
  when 'OrderCancelled' then jsonb_build_object('status', 'cancelled', 'reason', data->'reason')
end
