//! A read model is what a fold of the log is, however the log was sliced, and whatever happened to its runner.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_model::ReadModelState;
use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::{Store, StoreOptions, Tasks};
use support::{EACH, Fresh, TOTALS, started};

#[tokio::test(flavor = "multi_thread")]
async fn slices_and_single_events_equal_a_fold_of_the_log() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 500).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    started(&read_models, "order", EACH).await;
    fresh.orders(500, 100).await;
    fresh.caught_up(&read_models, "totals").await;
    fresh.caught_up(&read_models, "order").await;
    let fold = fresh.fold().await;
    assert_eq!(fold.len(), 10);
    assert_eq!(fresh.totals("totals").await, fold);
    assert_eq!(fresh.totals("\"order\"").await, fold);

    // Each event once, in order, with what it is.
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from (select l.*, lag(l.position) over (order by n) as before from \"order\".log l) l
         join highwater.events e using (position) join highwater.streams s using (stream_id)
         where s.name <> l.stream or e.version <> l.version or l.position <= l.before",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!(wrong, 0);
    let (logged, there): (i64, i64) = sqlx::query_as(
        "select (select count(*) from \"order\".log), (select count(*) from highwater.events e join highwater.event_types t using (type_id) where t.name like 'Order%')",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!(logged, there);
    let read_model = fresh
        .until("order", |read_model| {
            read_model.state == ReadModelState::Live
        })
        .await;
    assert_eq!(read_model.versions[0].handled, there);
    assert_eq!(read_model.trend, "live");
    fresh.tasks.shutdown().await;
    let read_model = fresh.until("order", |_| true).await;
    assert_eq!(read_model.state, ReadModelState::Stopped);
    assert_eq!(read_model.reason.as_deref(), Some("its server stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_runners_lose_and_double_nothing() {
    let fresh = Fresh::new().await;
    // Enough that the first kills come in the middle of catching up.
    fresh.orders(1_000, 1_500).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    // Without its last statement, which counts all that it has written for each event.
    let each = EACH.replace("select count(*) from log;", "");
    started(&read_models, "each", &each).await;
    let kills = async {
        for n in 0..25_u64 {
            tokio::time::sleep(Duration::from_millis(30 + n * 37 % 90)).await;
            // Slices, and now and then the leases too.
            let who = if n % 8 == 7 {
                "highwater%"
            } else {
                "highwater read models"
            };
            sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid() and application_name like $1 and application_name <> 'highwater'",
            )
            .bind(who)
            .execute(&mut fresh.sql().await)
            .await
            .unwrap();
        }
    };
    let writes = async {
        for from in 0..20 {
            fresh.orders(from * 50, 50).await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    };
    tokio::join!(kills, writes);
    fresh.caught_up(&read_models, "totals").await;
    fresh.caught_up(&read_models, "each").await;
    let fold = fresh.fold().await;
    assert_eq!(fresh.totals("totals").await, fold);
    assert_eq!(fresh.totals("each").await, fold);
    fresh.tasks.shutdown().await;
}

/// A process of its own, as far as the database can tell.
struct Server {
    tasks: Tasks,
    read_models: ReadModels,
}

impl Server {
    async fn start(url: &str) -> Self {
        let tasks = Tasks::new();
        let store = Store::open(url, StoreOptions::default(), &tasks)
            .await
            .unwrap();
        let read_models = ReadModels::start(store, &tasks, ReadModelOptions::default());
        Self { tasks, read_models }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_never_handle_a_slice_twice() {
    let fresh = Fresh::new().await;
    let one = Server::start(&fresh.url).await;
    let mut other = Server::start(&fresh.url).await;
    started(&one.read_models, "totals", TOTALS).await;
    started(&other.read_models, "each", EACH).await;
    for round in 0..12 {
        fresh.orders(round * 40, 40).await;
        if round % 4 == 3 {
            other.tasks.shutdown().await;
            other = Server::start(&fresh.url).await;
        }
    }
    fresh.caught_up(&one.read_models, "totals").await;
    fresh.caught_up(&one.read_models, "each").await;
    let fold = fresh.fold().await;
    assert_eq!(fresh.totals("totals").await, fold);
    assert_eq!(fresh.totals("each").await, fold);
    one.tasks.shutdown().await;
    other.tasks.shutdown().await;
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_or_hangs_is_replaced_within_ten_seconds() {
    let fresh = Fresh::new().await;
    let definition = highwater_model::Definition::parse("totals", TOTALS).unwrap();
    fresh
        .store
        .define(&definition, "api", &support::order())
        .await
        .unwrap();
    let version = fresh.store.runnable_versions().await.unwrap().remove(0);
    // It hangs: its session is open and holds the lease, and nobody says anything through it.
    let mut hung = fresh.store.lease_connection().await.unwrap();
    assert!(hung.try_take(version.read_model_id).await.unwrap());
    let hangs = std::time::Instant::now();
    let server = Server::start(&fresh.url).await;
    fresh.orders(0, 20).await;
    fresh.caught_up(&server.read_models, "totals").await;
    assert!(hangs.elapsed() > Duration::from_secs(5), "it held no lease");
    assert!(hangs.elapsed() < Duration::from_secs(10), "{hangs:?}");

    // It dies: its connections are closed.
    let other = Server::start(&fresh.url).await;
    let dies = std::time::Instant::now();
    server.tasks.shutdown().await;
    fresh.orders(20, 20).await;
    fresh.caught_up(&other.read_models, "totals").await;
    assert!(dies.elapsed() < Duration::from_secs(5), "{dies:?}");
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    other.tasks.shutdown().await;
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_generation_changes_nothing() {
    let fresh = Fresh::new().await;
    let definition = highwater_model::Definition::parse("totals", TOTALS).unwrap();
    fresh
        .store
        .define(&definition, "api", &support::order())
        .await
        .unwrap();
    fresh.orders(0, 5).await;
    let version = fresh.store.runnable_versions().await.unwrap().remove(0);
    let old = fresh.store.take_over(version.version_id).await.unwrap();
    let new = fresh.store.take_over(version.version_id).await.unwrap();
    let connections = fresh.store.slice_connections(2);
    let timeout = Duration::from_secs(5);
    let mut connection = connections.acquire().await.unwrap();
    let (start, slice) = connection
        .begin(version.version_id, old, 10, timeout)
        .await
        .unwrap();
    assert_eq!(start, highwater_store::read_models::SliceStart::Refused);
    slice.rollback().await.unwrap();

    // It began before the other took over, and commits after: the other has waited, and goes on behind it.
    let (_, mut slice) = connection
        .begin(version.version_id, new, 3, timeout)
        .await
        .unwrap();
    slice.run_handler("totals").await.unwrap();
    let take_over = fresh.store.take_over(version.version_id);
    let (newest, kept) = tokio::join!(take_over, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        slice.commit().await
    });
    kept.unwrap();
    assert_eq!(newest.unwrap(), new + 1);
    let read_model = fresh.store.read_model("totals").await.unwrap();
    assert_eq!(read_model.versions[0].handled, 3);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_appear_while_it_runs_are_handled_from_their_first_event() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let text = "-- highwater: events Thing*
-- highwater: tables
create table seen (position bigint primary key, type text not null);
-- highwater: slice
insert into seen select position, type from events";
    started(&read_models, "seen", text).await;
    let write = async |writer: usize| {
        for n in 0..150 {
            let event_type = if n % 3 == 0 {
                format!("Other{writer}-{n}")
            } else {
                format!("Thing{writer}-{n}")
            };
            fresh
                .append(
                    &format!("thing-{writer}"),
                    &event_type,
                    &[serde_json::json!({})],
                )
                .await;
        }
    };
    tokio::join!(write(0), write(1), write(2), write(3));
    fresh.caught_up(&read_models, "seen").await;
    let (seen, others): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where type not like 'Thing%') from seen.seen",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!((seen, others), (400, 0));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        throwaway: true,
        ..Options::new(folder.path())
    };
    let binaries = Binaries::find_or_fetch(&mut |_| {}).unwrap();
    let start = || Embedded::start(&binaries, &options, &mut |_| {}).unwrap();
    let mut postgres = start();
    let fresh = Fresh::at(postgres.url()).await;
    fresh.orders(0, 2_000).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    let each = EACH.replace("select count(*) from log;", "");
    started(&read_models, "each", &each).await;
    for pause in [150, 400] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        postgres.stop();
        postgres = start();
        assert_eq!(postgres.url(), fresh.url);
    }
    // Who asks through a connection that broke is told so; here, nobody is.
    for _ in 0..20 {
        let _ = fresh.store.mark().await;
    }
    fresh.caught_up(&read_models, "totals").await;
    fresh.caught_up(&read_models, "each").await;
    let fold = fresh.fold().await;
    assert_eq!(fresh.totals("totals").await, fold);
    assert_eq!(fresh.totals("each").await, fold);
    for name in ["totals", "each"] {
        let live = fresh
            .until(name, |read_model| read_model.state == ReadModelState::Live)
            .await;
        assert!(live.stands_on.is_none() && live.reason.is_none());
        assert!(live.versions[0].generation >= 2, "{live:#?}");
    }
    fresh.tasks.shutdown().await;
    postgres.stop();
}
