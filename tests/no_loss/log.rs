//! The log as the database has it.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Position and id of each event, in order. Checks what readers rely on: positions and each stream's versions have no holes.
pub(crate) async fn read(database_url: &str) -> Vec<(i64, Uuid)> {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let log: Vec<(i64, Uuid)> =
        sqlx::query_as("select position, event_id from highwater.events order by position")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for (expected, (position, _)) in (1..).zip(&log) {
        assert_eq!(*position, expected, "positions are dense");
    }
    let holes: Vec<(String, i64, i64)> = sqlx::query_as(
        "select s.name, max(e.version), count(*) from highwater.events e join highwater.streams s using (stream_id)
         group by s.name having count(*) <> max(e.version) + 1 or min(e.version) <> 0",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(holes.is_empty(), "versions are dense: {holes:?}");
    log
}
