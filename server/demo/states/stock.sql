-- highwater: state stock
-- highwater: describe How many pieces there are, and what became of the others
jsonb_build_object('reserved', 0, 'received', 0, 'turned_away', 0) || state || case type
  when 'StockReserved' then jsonb_build_object(
    'available', data->'available',
    'reserved', coalesce((state->>'reserved')::bigint, 0) + (data->>'quantity')::bigint)
  when 'StockReleased' then jsonb_build_object(
    'available', data->'available',
    'reserved', coalesce((state->>'reserved')::bigint, 0) - (data->>'quantity')::bigint)
  when 'StockReceived' then jsonb_build_object(
    'available', data->'available', 'supplier', data->'supplier', 'last_received_at', occurred_at,
    'received', coalesce((state->>'received')::bigint, 0) + (data->>'quantity')::bigint)
  when 'StockDepleted' then jsonb_build_object(
    'available', data->'available',
    'turned_away', coalesce((state->>'turned_away')::bigint, 0) + 1)
end
