//! Categories.

use highwater_model::CategorySummary;
use jiff_sqlx::Timestamp;

use crate::{Store, StoreError};

impl Store {
    /// Every category (1,000 at most), most events first.
    pub async fn categories(&self) -> Result<Vec<CategorySummary>, StoreError> {
        let rows: Vec<(String, i64, i64, Timestamp, Timestamp)> = sqlx::query_as(
            "select c.category, c.streams, c.events, f.recorded_at, l.recorded_at
             from (
               select category, sum(streams)::bigint as streams, sum(count)::bigint as events,
                 min(first_position) as first, max(last_position) as last
               from highwater.category_blocks group by category order by 3 desc, category limit 1000
             ) c join highwater.events f on f.position = c.first join highwater.events l on l.position = c.last
             order by c.events desc, c.category",
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(category, streams, events, first, last)| CategorySummary {
                category,
                streams,
                events,
                first_recorded_at: first.to_jiff(),
                last_recorded_at: last.to_jiff(),
            })
            .collect())
    }
}
