//! What the states of the shop's aggregates are, as files of SQL.

/// A category, and the text of its definition.
pub type StateFile = (&'static str, &'static str);

pub(crate) const ORDER: StateFile = ("order", include_str!("../states/order.sql"));
pub(crate) const PAYMENT: StateFile = ("payment", include_str!("../states/payment.sql"));
pub(crate) const SHIPMENT: StateFile = ("shipment", include_str!("../states/shipment.sql"));
pub(crate) const STOCK: StateFile = ("stock", include_str!("../states/stock.sql"));

/// All of them.
pub const STATE_DEFINITIONS: [StateFile; 4] = [ORDER, PAYMENT, SHIPMENT, STOCK];
