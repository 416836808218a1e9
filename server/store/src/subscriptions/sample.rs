//! What was acknowledged by when.

use crate::{Store, StoreError};

impl Store {
    /// Keeps how many events were acknowledged by now, of those subscriptions where that has changed.
    pub async fn sample_subscriptions(&self) -> Result<(), StoreError> {
        sqlx::query(
            "insert into highwater.subscription_history (subscription_id, at, acknowledged)
             select s.subscription_id, date_trunc('second', clock_timestamp()), s.acknowledged from highwater.subscriptions s
             where s.acknowledged is distinct from (select y.acknowledged from highwater.subscription_history y where y.subscription_id = s.subscription_id order by y.at desc limit 1)
             on conflict do nothing",
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Forgets what is older than an hour; the newest of each stays, for rates are differences.
    pub async fn prune_subscriptions(&self) -> Result<(), StoreError> {
        sqlx::query(
            "delete from highwater.subscription_history y where y.at < now() - interval '1 hour'
             and y.at < (select max(n.at) from highwater.subscription_history n where n.subscription_id = y.subscription_id)",
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Names and filters of all subscriptions.
    pub async fn subscription_filters(&self) -> Result<Vec<(String, String)>, StoreError> {
        Ok(sqlx::query_as(
            "select name, filter from highwater.subscriptions order by name limit 1000",
        )
        .fetch_all(self.pool())
        .await?)
    }
}
