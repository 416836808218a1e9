//! The shop's read models, as files of SQL.

/// A name, and the text of its definition.
pub type ReadModelFile = (&'static str, &'static str);

macro_rules! read_model {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../read_models/", $name, ".sql")),
        )
    };
}

pub(crate) const CUSTOMER_TOTALS: ReadModelFile = read_model!("customer_totals");
pub(crate) const OPEN_PAYMENTS: ReadModelFile = read_model!("open_payments");
pub(crate) const ORDERS_BY_STATE: ReadModelFile = read_model!("orders_by_state");
pub(crate) const REVENUE_BY_DAY: ReadModelFile = read_model!("revenue_by_day");
pub(crate) const STOCK_LEVELS: ReadModelFile = read_model!("stock_levels");

/// What customers see of their orders: a row each, its key `order_name`.
pub const ORDER_PROGRESS: ReadModelFile = read_model!("order_progress");

/// What the process manager reads to know which orders have waited too long. Only the shop of services has such events.
pub const OPEN_FULFILMENTS: ReadModelFile = read_model!("open_fulfilments");

/// What the shop starts with, whichever way its events come. One has a known bug, so that there is something to rebuild: [`FIXED`] has its second
/// version.
pub const READ_MODELS: [ReadModelFile; 6] = [
    CUSTOMER_TOTALS,
    OPEN_PAYMENTS,
    ORDER_PROGRESS,
    ORDERS_BY_STATE,
    REVENUE_BY_DAY,
    STOCK_LEVELS,
];

/// Second versions, without the bugs of the first.
pub const FIXED: [ReadModelFile; 1] = [(
    "revenue_by_day",
    include_str!("../read_models/fixed/revenue_by_day.sql"),
)];
