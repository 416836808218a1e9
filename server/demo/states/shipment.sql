-- highwater: state shipment
-- highwater: describe Where a parcel is, and who carries it
state || case type
  when 'ShipmentPrepared' then data || jsonb_build_object('status', 'prepared', 'prepared_at', occurred_at)
  when 'ShipmentDispatched' then jsonb_build_object('status', 'on its way', 'tracking', data->'tracking', 'dispatched_at', occurred_at)
  when 'ShipmentStopped' then jsonb_build_object('status', 'stopped', 'reason', data->'reason')
  when 'ShipmentDelivered' then jsonb_build_object('status', 'delivered', 'delivered_at', occurred_at)
end
