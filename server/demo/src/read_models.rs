//! The shop's read models, as files of SQL.

/// A name, and the text of its definition.
pub type ReadModelFile = (&'static str, &'static str);

/// What the shop starts with. One has a known bug, so that there is something to rebuild: [`FIXED`] has its second version.
pub const READ_MODELS: [ReadModelFile; 5] = [
    (
        "customer_totals",
        include_str!("../read_models/customer_totals.sql"),
    ),
    (
        "open_payments",
        include_str!("../read_models/open_payments.sql"),
    ),
    (
        "orders_by_state",
        include_str!("../read_models/orders_by_state.sql"),
    ),
    (
        "revenue_by_day",
        include_str!("../read_models/revenue_by_day.sql"),
    ),
    (
        "stock_levels",
        include_str!("../read_models/stock_levels.sql"),
    ),
];

/// Second versions, without the bugs of the first.
pub const FIXED: [ReadModelFile; 1] = [(
    "revenue_by_day",
    include_str!("../read_models/fixed/revenue_by_day.sql"),
)];
