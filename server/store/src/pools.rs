//! How the connections to the database are used.

use sqlx::postgres::PgPool;

use crate::Store;

/// The connections of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// What they are for.
    pub pool: &'static str,
    /// Open, with nothing to do.
    pub idle: u32,
    /// At work, or kept by who needs them again at once.
    pub in_use: u32,
    /// As many as there may be.
    pub most: u32,
}

impl PoolUse {
    pub(crate) fn of(pool: &'static str, connections: &PgPool) -> Self {
        let open = connections.size();
        // The two are counted one after the other, so there may be more of the second by then.
        let idle = u32::try_from(connections.num_idle()).map_or(open, |idle| idle.min(open));
        Self {
            pool,
            idle,
            in_use: open - idle,
            most: connections.options().get_max_connections(),
        }
    }
}

impl Store {
    /// How the connections are used that read, and those that append. Two of the latter are kept by the appender.
    pub fn pools(&self) -> [PoolUse; 2] {
        [
            PoolUse::of("read", self.pool()),
            PoolUse::of("append", self.appender().pool()),
        ]
    }
}
