-- highwater: state payment
-- highwater: describe What is owed for an order, and what was paid of it
state || case type
  when 'PaymentRequested' then data || jsonb_build_object('status', 'requested', 'paid_cents', 0)
  when 'PaymentAuthorized' then jsonb_build_object('status', 'authorized')
  when 'PaymentRefused' then jsonb_build_object('status', 'refused', 'reason', data->'reason')
  when 'PaymentCaptured' then jsonb_build_object('status', 'captured', 'paid_cents', data->'amount_cents')
  when 'PaymentRefunded' then jsonb_build_object('status', 'refunded', 'paid_cents', 0)
end
