//! What the states of the shop's aggregates are, as files of SQL.

/// Texts of state definitions, one a category.
pub const STATE_DEFINITIONS: [&str; 4] = [
    include_str!("../states/order.sql"),
    include_str!("../states/payment.sql"),
    include_str!("../states/shipment.sql"),
    include_str!("../states/stock.sql"),
];
