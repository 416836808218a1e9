//! Projections in code run as SQL ones do.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use highwater_engine::read_models::{CopyRows, Fold, Folding, Projection, ProjectionError, Work};
use highwater_model::{ReadModelState, VersionRole};
use highwater_store::read_models::{PgConnection, Reads, SliceEvent};
use serde_json::{Value, json};
use support::{Fresh, order};

/// Counts events of each stream, one statement an event.
struct Counting;

impl Projection for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn events(&self) -> Vec<String> {
        vec!["Order*".to_owned()]
    }
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a> {
        Box::pin(async move {
            sqlx::raw_sql("create table if not exists public.counting (stream text primary key, events bigint not null, version bigint not null)")
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    fn apply<'a>(
        &'a self,
        events: &'a [SliceEvent<'a>],
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            for event in events {
                sqlx::query("insert into public.counting values ($1, 1, $2) on conflict (stream) do update set events = counting.events + 1, version = $2")
                    .bind(event.stream)
                    .bind(event.version.0)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }
}

/// Counts all events, one statement a slice, however many it is handed.
struct Tally;

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }
    fn events(&self) -> Vec<String> {
        vec!["*".to_owned()]
    }
    fn reads(&self) -> Reads {
        Reads::DATA
    }
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a> {
        Box::pin(async move {
            sqlx::raw_sql("create table if not exists public.tally (events bigint not null, named bigint not null)")
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    fn apply<'a>(
        &'a self,
        events: &'a [SliceEvent<'a>],
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            let named = events
                .iter()
                .filter(|event| !event.stream.is_empty() || event.metadata != "{}");
            sqlx::query("insert into public.tally values ($1, $2)")
                .bind(i64::try_from(events.len()).unwrap())
                .bind(i64::try_from(named.count()).unwrap())
                .execute(connection)
                .await?;
            Ok(())
        })
    }
}

/// Totals per customer, as the SQL read model of the other tests has them.
struct Totals {
    /// States in memory at most.
    room: usize,
    /// How often its table was filled while it was empty.
    loads: Arc<AtomicUsize>,
}

impl Totals {
    fn with_room_for(room: usize) -> Self {
        Self {
            room,
            loads: Arc::default(),
        }
    }
}

impl Fold for Totals {
    type Key = String;
    type State = (i64, i64);
    /// Orders more or less, and cents.
    type Event = (i64, i64);

    fn name(&self) -> &'static str {
        "folded"
    }
    fn events(&self) -> Vec<String> {
        vec!["OrderPlaced".to_owned(), "OrderCancelled".to_owned()]
    }
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a> {
        Box::pin(async move {
            sqlx::raw_sql("create schema if not exists folded; create table if not exists folded.totals (customer text primary key, orders bigint not null, cents bigint not null)")
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    fn event(
        &self,
        event: &SliceEvent<'_>,
    ) -> Result<Option<(String, (i64, i64))>, ProjectionError> {
        let data: Value = serde_json::from_str(event.data)
            .map_err(|error| ProjectionError::Event(error.to_string()))?;
        let cents = data["cents"]
            .as_i64()
            .ok_or_else(|| ProjectionError::Event("cents is no number".to_owned()))?;
        let sign = if event.event_type == "OrderPlaced" {
            1
        } else {
            -1
        };
        Ok(data["customer"]
            .as_str()
            .map(|customer| (customer.to_owned(), (sign, sign * cents))))
    }
    fn fold(
        &self,
        state: Option<(i64, i64)>,
        (sign, cents): (i64, i64),
    ) -> Result<Option<(i64, i64)>, ProjectionError> {
        let (orders, sum) = state.unwrap_or_default();
        Ok(Some((orders + sign, sum + cents)))
    }
    fn read<'a>(
        &'a self,
        keys: Vec<String>,
        connection: &'a mut PgConnection,
    ) -> Work<'a, Vec<(String, (i64, i64))>> {
        Box::pin(async move {
            let rows: Vec<(String, i64, i64)> = sqlx::query_as(
                "select customer, orders, cents from folded.totals where customer = any ($1)",
            )
            .bind(keys)
            .fetch_all(connection)
            .await?;
            Ok(rows
                .into_iter()
                .map(|(key, orders, cents)| (key, (orders, cents)))
                .collect())
        })
    }
    fn write<'a>(
        &'a self,
        rows: Vec<(String, Option<(i64, i64)>)>,
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            let rows: Vec<(String, (i64, i64))> = rows
                .into_iter()
                .filter_map(|(key, state)| Some((key, state?)))
                .collect();
            sqlx::query("insert into folded.totals select * from unnest($1::text[], $2::bigint[], $3::bigint[]) on conflict (customer) do update set orders = excluded.orders, cents = excluded.cents")
                .bind(rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.1.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.1.1).collect::<Vec<_>>())
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    fn load<'a>(
        &'a self,
        rows: Vec<(String, (i64, i64))>,
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            self.loads.fetch_add(1, Ordering::Relaxed);
            let mut copy = CopyRows::default();
            for (customer, (orders, cents)) in rows {
                copy.text(&customer).value(orders).value(cents).end_row();
            }
            copy.send(
                "copy folded.totals (customer, orders, cents) from stdin",
                connection,
            )
            .await?;
            Ok(())
        })
    }
    fn in_memory(&self) -> usize {
        self.room
    }
}

/// So many orders of `customers`, in a log that is far ahead of whoever begins.
async fn many_orders(
    fresh: &Fresh,
    orders: usize,
    customers: usize,
    cents_of: impl Fn(usize) -> Value,
) {
    for from in (0..orders).step_by(1_000) {
        let lines = (from..(from + 1_000).min(orders)).map(|number| {
            let data = json!({"customer": format!("c\t{}", number * 7 % customers), "cents": cents_of(number)});
            let line = json!({"stream": format!("order-{}", number / 3), "type": "OrderPlaced", "data": data});
            serde_json::from_value(line).unwrap()
        });
        fresh.store.import(lines.collect()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn projections_in_code_equal_a_fold_of_the_log() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 300).await;
    let read_models = fresh.read_models();
    read_models.project(Counting).await.unwrap();
    read_models
        .project(Folding::new(Totals::with_room_for(1_000)))
        .await
        .unwrap();
    fresh.orders(300, 100).await;
    fresh.caught_up(&read_models, "counting").await;
    fresh.caught_up(&read_models, "folded").await;
    assert_eq!(fresh.totals("folded").await, fresh.fold().await);
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from (
           select s.name, count(*) as events, max(e.version) as version from highwater.events e join highwater.streams s using (stream_id)
           join highwater.event_types t using (type_id) where t.name like 'Order%' group by 1
         ) f full join public.counting c on c.stream = f.name where (c.events, c.version) is distinct from (f.events, f.version)",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!(wrong, 0);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_code_cannot_handle_is_a_failure() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    read_models
        .project(Folding::new(Totals::with_room_for(1_000)))
        .await
        .unwrap();
    let good = json!({"customer": "c1", "cents": 1});
    let last = fresh
        .append(
            "order-1",
            "OrderPlaced",
            &[good.clone(), good.clone(), json!({"customer": "c1"}), good],
        )
        .await;
    let faulted = fresh
        .until("folded", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    let failure = faulted.stands_on.unwrap();
    assert_eq!(
        (failure.position.0, failure.error.as_str()),
        (last.0 - 1, "cents is no number")
    );
    assert_eq!(fresh.totals("folded").await["c1"], (2, 2));
    read_models
        .skip("folded", VersionRole::Live, failure.position, &order())
        .await
        .unwrap();
    fresh.caught_up(&read_models, "folded").await;
    assert_eq!(fresh.totals("folded").await["c1"], (3, 3));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_handed_no_more_bytes_at_once_than_fit() {
    let fresh = Fresh::new().await;
    let large = json!({"text": "x".repeat(1_000_000)});
    for n in 0..20 {
        fresh
            .append(&format!("order-{n}"), "OrderNoted", &vec![large.clone(); 4])
            .await;
    }
    let read_models = fresh.read_models();
    read_models.project(Counting).await.unwrap();
    fresh.caught_up(&read_models, "counting").await;
    let counted: i64 = sqlx::query_scalar("select sum(events)::bigint from public.counting")
        .fetch_one(&mut fresh.sql().await)
        .await
        .unwrap();
    assert_eq!(counted, 80);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_takes_its_events_at_once_misses_none_of_a_long_log() {
    let fresh = Fresh::new().await;
    // More behind the first slice than are handed over at once.
    many_orders(&fresh, 75_000, 100, |_| json!(1)).await;
    let read_models = fresh.read_models();
    read_models.project(Tally).await.unwrap();
    fresh.caught_up(&read_models, "tally").await;
    let tally: (i64, i64, i64) = sqlx::query_as(
        "select sum(events)::bigint, max(events), sum(named)::bigint from public.tally",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!((tally.0, tally.2), (75_000, 0));
    assert!(tally.1 > 10_000, "{}", tally.1);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fold_far_behind_is_loaded_and_what_has_no_room_is_written_and_read_again() {
    for room in [100_000, 300] {
        let fresh = Fresh::new().await;
        many_orders(&fresh, 45_000, 1_000, |number| json!(number % 97)).await;
        let read_models = fresh.read_models();
        let totals = Totals::with_room_for(room);
        let loads = Arc::clone(&totals.loads);
        read_models.project(Folding::new(totals)).await.unwrap();
        fresh.orders(0, 100).await;
        fresh.caught_up(&read_models, "folded").await;
        assert_eq!(
            fresh.totals("folded").await,
            fresh.fold().await,
            "room for {room} states"
        );
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        fresh.tasks.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_slice_of_large_events_is_read_in_small_parts() {
    let fresh = Fresh::new().await;
    let note = "x".repeat(8_000);
    // 96 MB, in one slice.
    for from in (0..12_000).step_by(600) {
        let lines = (from..from + 600).map(|number| {
            let data = json!({"customer": format!("c{}", number % 10), "cents": 1, "note": note});
            let line =
                json!({"stream": format!("order-{number}"), "type": "OrderPlaced", "data": data});
            serde_json::from_value(line).unwrap()
        });
        fresh.store.import(lines.collect()).await.unwrap();
    }
    many_orders(&fresh, 10_000, 10, |_| json!(1)).await;
    let read_models = fresh.read_models();
    let totals = Totals::with_room_for(1_000);
    let loads = Arc::clone(&totals.loads);
    read_models.project(Folding::new(totals)).await.unwrap();
    fresh.caught_up(&read_models, "folded").await;
    assert_eq!(fresh.totals("folded").await, fresh.fold().await);
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_a_large_slice_that_code_cannot_handle_is_found() {
    let fresh = Fresh::new().await;
    many_orders(&fresh, 45_000, 50, |number| match number {
        31_000 => Value::Null,
        _ => json!(1),
    })
    .await;
    let read_models = fresh.read_models();
    let totals = Totals::with_room_for(1_000);
    read_models.project(Folding::new(totals)).await.unwrap();
    let faulted = fresh
        .until("folded", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    let position = faulted.stands_on.unwrap().position;
    assert_eq!(position.0, 31_001);
    read_models
        .skip("folded", VersionRole::Live, position, &order())
        .await
        .unwrap();
    fresh.caught_up(&read_models, "folded").await;
    let orders: i64 = fresh.totals("folded").await.values().map(|row| row.0).sum();
    assert_eq!(orders, 44_999);
    fresh.tasks.shutdown().await;
}
