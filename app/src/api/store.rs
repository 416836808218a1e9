//! The store: what it holds, how large it is, and whether it is well.

use highwater_model::{StoreCheck, StoreFacts, StoreSizes};

use super::{Answer, Api, Query};

impl Api {
    /// The store as a whole.
    pub async fn store(&self) -> Answer<StoreFacts> {
        self.get(Query::new("/api/store")).await
    }

    /// Its sizes.
    pub async fn store_sizes(&self) -> Answer<StoreSizes> {
        self.get(Query::new("/api/store/sizes")).await
    }

    /// Whether it is well.
    pub async fn store_checks(&self) -> Answer<Vec<StoreCheck>> {
        self.get(Query::new("/api/store/checks")).await
    }
}
