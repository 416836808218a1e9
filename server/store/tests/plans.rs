//! Each read, and each look-up of an append, finds its rows by the index that is meant for it: not by luck of the numbers, so under
//! generic plans.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use highwater_model::filter::Glob;
use highwater_model::{
    ExpectedVersion, FlowOrder, FlowShown, ImportLine, MemberWay, Position, StreamOrder,
    SubscriptionBody, Version,
};
use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::flows::FlowQuery;
use highwater_store::read_models::Order;
use highwater_store::subscriptions::Ask;
use highwater_store::{Direction, Ids, LogQuery, Store, StoreOptions, StreamQuery, Tasks};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use support::{append, event, event_with_id, exactly, name};
use tempfile::TempDir;
use uuid::Uuid;

/// An id that stands in the middle of the log.
const ID: &str = "00000000-0000-7000-8000-000000020000";
/// A flow of ten events.
const FLOW: &str = "00000000-0000-7000-9000-000000000700";

/// From now on every statement's plan goes to the server's log, and every plan is a generic one.
const EXPLAIN: &str = "
    analyze;
    do $$ begin
      execute format('alter database %I set session_preload_libraries = auto_explain', current_database());
      execute format('alter database %I set auto_explain.log_min_duration = 0', current_database());
      execute format('alter database %I set auto_explain.log_nested_statements = on', current_database());
      execute format('alter database %I set plan_cache_mode = force_generic_plan', current_database());
    end $$";

/// 40,000 events: 4,000 streams of 4 categories, 20 types of which one is rare, flows of ten events. Then 21,000 streams of one event:
/// more than are sorted by looking at the end of each.
async fn fill(store: &Store) {
    for chunk in 0..40 {
        let lines = (chunk * 1_000 + 1..=chunk * 1_000 + 1_000).map(line);
        store.import(lines.collect()).await.unwrap();
    }
    for chunk in 0..21 {
        let lines = (chunk * 1_000 + 1..=chunk * 1_000 + 1_000).map(|number| {
            let line = json!({"stream": format!("many-{number}"), "type": "One", "data": number});
            serde_json::from_str::<ImportLine>(&line.to_string()).unwrap()
        });
        store.import(lines.collect()).await.unwrap();
    }
}

fn line(number: usize) -> ImportLine {
    let category = ["order", "ticket", "cart", "user"][number % 4];
    let rare = number % 10_000 == 77;
    let line = json!({
        "stream": format!("{category}-{}", number % 4_000),
        "type": if rare { "Rare".to_owned() } else { format!("Type{}", number % 19) },
        "id": format!("00000000-0000-7000-8000-{number:012}"),
        "data": {"n": number},
        "metadata": {"correlation_id": format!("00000000-0000-7000-9000-{:012}", number / 10)},
    });
    serde_json::from_str(&line.to_string()).unwrap()
}

/// A store of some size whose Postgres writes each plan into its log.
struct Explained {
    store: Store,
    tasks: Tasks,
    url: String,
    log: PathBuf,
    _postgres: Embedded,
    _folder: TempDir,
}

impl Explained {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            throwaway: true,
            ..Options::new(folder.path())
        };
        let binaries = Binaries::find_or_fetch(&mut |_| {}).unwrap();
        let postgres = Embedded::start(&binaries, &options, &mut |_| {}).unwrap();
        let tasks = Tasks::new();
        let open = |tasks| {
            let url = postgres.url();
            async move {
                Store::open(&url, StoreOptions::default(), tasks)
                    .await
                    .unwrap()
            }
        };
        // Once to fill it, and again with sessions that explain.
        let empty = Tasks::new();
        fill(&open(&empty).await).await;
        empty.shutdown().await;
        let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
        connection.execute(EXPLAIN).await.unwrap();
        Self {
            store: open(&tasks).await,
            log: postgres.log().to_owned(),
            url: postgres.url(),
            tasks,
            _postgres: postgres,
            _folder: folder,
        }
    }

    /// Does something, and asserts that its statements used these indexes and never read all events.
    async fn uses<T>(&self, what: &str, indexes: &[&str], work: impl Future<Output = T>) -> T {
        let before = std::fs::read_to_string(&self.log).unwrap().len();
        let done = work.await;
        let plans = std::fs::read_to_string(&self.log)
            .unwrap()
            .split_off(before);
        for table in ["events", "flows", "subscription_deliveries"] {
            let whole = format!("Seq Scan on {table} ");
            assert!(!plans.contains(&whole), "{what}:\n{plans}");
        }
        for index in indexes {
            let used = plans.contains(&format!("using {index} on "))
                || plans.contains(&format!("Bitmap Index Scan on {index} "));
            assert!(used, "{what} should use {index}:\n{plans}");
        }
        done
    }

    /// Asserts which indexes a page of the log uses; answers how many events it has.
    async fn page(&self, filter: &str, indexes: &[&str]) -> usize {
        let query = LogQuery {
            after: Some(Position(100)),
            filter: filter.parse().unwrap(),
            ..LogQuery::default()
        };
        let page = self.uses(filter, indexes, self.store.read_log(query)).await;
        page.unwrap().events.len()
    }
}

async fn finding_uses_its_indexes(explained: &Explained) {
    let store = &explained.store;
    for (what, text, index) in [
        ("find the beginning", "order-39", "streams_name_key"),
        ("find the middle", "er-39", "streams_pkey"),
    ] {
        let found = explained.uses(what, &[index], store.find(text)).await;
        assert!(found.unwrap().found.len() > 7, "{what}");
    }
    let found = explained
        .uses(
            "find by id",
            &["events_event_id_key", "events_correlation_id"],
            store.find("00000000-0000-7000-9000-00000000070"),
        )
        .await;
    assert!(!found.unwrap().found.is_empty());
}

async fn flows_use_their_indexes(explained: &Explained) {
    let store = &explained.store;
    let flow = store.flow(FLOW.parse().unwrap());
    let flow = explained
        .uses("a flow", &["events_correlation_id"], flow)
        .await;
    assert_eq!(flow.unwrap().unwrap().events.len(), 10);
    // The rest of the log is summarised by this program.
    loop {
        let list = store.flows(FlowQuery::default()).await.unwrap();
        if list.summarised == list.head {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = FlowQuery::default();
    let kind = FlowQuery {
        kind: Some("Type3".to_owned()),
        ..FlowQuery::default()
    };
    let filtered = FlowQuery {
        filter: "type:Rare".parse().unwrap(),
        ..FlowQuery::default()
    };
    let unfinished = FlowQuery {
        shown: FlowShown::Unfinished,
        ..FlowQuery::default()
    };
    let slowest = FlowQuery {
        order: FlowOrder::Slowest,
        ..kind.clone()
    };
    for (what, query, indexes, count) in [
        ("flows", all, &["flows_newest"][..], 100),
        ("flows of a kind", kind, &["flows_kind"], 100),
        (
            "flows with an event",
            filtered,
            &["flows_newest", "events_correlation_id"],
            // Of four flows with one two are among the 2,000 newest, which a page looks into.
            2,
        ),
        ("unfinished flows", unfinished, &["flows_unfinished"], 0),
        ("the slowest flows", slowest, &["flows_kind"], 100),
    ] {
        let found = explained.uses(what, indexes, store.flows(query)).await;
        assert_eq!(found.unwrap().flows.len(), count, "{what}");
    }
    let kinds = explained
        .uses("kinds of flows", &["flows_kind"], store.flow_kinds())
        .await;
    assert_eq!(kinds.unwrap().len(), 19);
}

#[tokio::test]
async fn each_read_uses_its_index() {
    let explained = Explained::new().await;
    let store = &explained.store;
    // However long nothing was recorded, the rate of the last seconds looks at a handful of rows.
    let mark = explained.uses("the mark", &["events_pkey"], store.mark());
    assert!(mark.await.unwrap().rate >= 0.0);
    assert_eq!(explained.page("", &["events_pkey"]).await, 100);
    assert_eq!(explained.page("type:Rare", &["events_pkey"]).await, 3);
    assert_eq!(explained.page("type:Type3", &["events_pkey"]).await, 100);
    assert_eq!(
        explained.page("category:order", &["events_pkey"]).await,
        100
    );
    assert_eq!(
        explained.page("since:1h until:0s", &["events_pkey"]).await,
        100
    );
    assert_eq!(explained.page("until:1h", &["events_pkey"]).await, 0);
    assert_eq!(
        explained
            .page(
                "stream:order-400",
                &["streams_name_key", "events_stream_id_version_key"]
            )
            .await,
        10
    );
    let filter = format!("correlation:{FLOW}");
    assert_eq!(
        explained.page(&filter, &["events_correlation_id"]).await,
        10
    );
    assert_eq!(
        explained
            .page(&format!("id:{ID}"), &["events_event_id_key"])
            .await,
        1
    );

    let backward = LogQuery {
        direction: Direction::Backward,
        ..LogQuery::default()
    };
    let page = explained
        .uses("the newest", &["events_pkey"], store.read_log(backward))
        .await;
    assert_eq!(page.unwrap().events.len(), 100);
    let tail = store.read_tail(Position(39_000), 500);
    let tail = explained.uses("a tail", &["events_pkey"], tail).await;
    assert_eq!(tail.unwrap().len(), 500);
    let stream = name("order-400");
    let page = store.read_stream(&stream, None, 100, Direction::Forward);
    let indexes = ["streams_name_key", "events_stream_id_version_key"];
    let page = explained.uses("a stream", &indexes, page).await;
    assert_eq!(page.unwrap().unwrap().events.len(), 10);
    let id: Uuid = ID.parse().unwrap();
    let found = explained
        .uses(
            "by id",
            &["events_event_id_key", "events_causation_id"],
            store.event(id),
        )
        .await;
    assert!(found.unwrap().is_some());
    flows_use_their_indexes(&explained).await;
    finding_uses_its_indexes(&explained).await;
    let streams = StreamQuery {
        order: StreamOrder::Name,
        category: Some("order".to_owned()),
        ..StreamQuery::default()
    };
    let found = explained
        .uses("streams", &["streams_category"], store.streams(streams))
        .await;
    assert_eq!(found.unwrap().streams.len(), 100);
    let ends = ["events_stream_id_version_key"];
    for (what, category, indexes) in [
        ("a category's newest streams", Some("order"), &ends[..]),
        ("the newest streams", None, &["events_pkey", ends[0]]),
    ] {
        let query = StreamQuery {
            order: StreamOrder::Active,
            category: category.map(ToOwned::to_owned),
            ..StreamQuery::default()
        };
        let found = explained.uses(what, indexes, store.streams(query)).await;
        assert_eq!(found.unwrap().streams.len(), 100);
    }
    explained
        .uses("the mark", &["events_pkey"], store.mark())
        .await
        .unwrap();
    explained.tasks.shutdown().await;
}

#[tokio::test]
async fn a_streams_history_and_the_stores_sizes_use_their_indexes() {
    let explained = Explained::new().await;
    let store = &explained.store;
    let stream = name("order-400");
    let indexes = ["streams_name_key", "events_stream_id_version_key"];
    let timeline = store.timeline(&stream, None, None, 3);
    let timeline = explained.uses("a timeline", &indexes, timeline).await;
    // One of four, and the last.
    assert_eq!(timeline.unwrap().unwrap().marks.len(), 4);
    let versions = [Version(2), Version(7), Version(99)];
    let heads = store.event_heads(&stream, &versions);
    let heads = explained.uses("some versions", &indexes, heads).await;
    assert_eq!(heads.unwrap().len(), 2);
    let types = [Glob::starred("Type*")];
    let has = store.stream_has_types(&stream, &types);
    let has = explained.uses("types of a stream", &indexes, has).await;
    assert!(has.unwrap());
    let kind = store.event_type("Type1");
    let kind = explained
        .uses("an event type", &["events_pkey"], kind)
        .await;
    assert!(kind.unwrap().unwrap().count > 0);
    let news = store.new_shapes();
    let news = explained.uses("new shapes", &["events_pkey"], news).await;
    assert!(news.unwrap().is_empty());
    let sizes = explained
        .uses("sizes", &["events_pkey"], store.sizes())
        .await;
    assert!(!sizes.unwrap().relations.is_empty());
    explained.tasks.shutdown().await;
}

#[tokio::test]
async fn a_subscription_looks_at_its_window_and_not_at_the_windows_of_others() {
    let explained = Explained::new().await;
    let store = &explained.store;
    let order = Order::new("tester", None);
    let body = SubscriptionBody::default();
    for number in 0..20 {
        let name = format!("s{number}");
        store.put_subscription(&name, &body, &order).await.unwrap();
        store.look_for_subscription(&name).await.unwrap();
    }
    let mut connection = PgConnection::connect(&explained.url).await.unwrap();
    connection.execute("analyze").await.unwrap();
    let window = ["subscription_deliveries_pkey"];
    let mut done = Vec::new();
    for what in ["a first fetch", "a fetch"] {
        let ask = Ask {
            member: "a",
            way: MemberWay::Http,
            at_most: 100,
            acknowledge: &done,
            failed: &[],
        };
        let found = explained.uses(what, &window, store.deliver("s7", ask));
        let found = found.await.unwrap().deliveries;
        assert_eq!(found.len(), 100);
        done = found.iter().map(|one| one.event.position).collect();
    }
    let look = store.look_for_subscription("s7");
    explained.uses("a look", &window, look).await.unwrap();
    let back = store.take_back_deliveries("s7");
    explained.uses("taking back", &window, back).await.unwrap();
    let one = store.subscription("s7");
    let one = explained.uses("one subscription", &window, one).await;
    assert_eq!(one.unwrap().acknowledged, 100);
    explained.tasks.shutdown().await;
}

#[tokio::test]
async fn each_look_up_of_an_append_uses_its_index() {
    let explained = Explained::new().await;
    let store = &explained.store;
    let id: Uuid = Ids.event_id();
    let one = |id| vec![event_with_id("Type1", &json!(1), id)];
    let looks_up = [
        "streams_name_key",
        "events_stream_id_version_key",
        "events_pkey",
        "event_types_name_key",
    ];
    let new = store.append(vec![append("order-400", exactly(9), one(id))]);
    explained
        .uses("an append with its own id", &looks_up, new)
        .await
        .unwrap();
    let again = store.append(vec![append("order-400", exactly(9), one(id))]);
    let again = explained
        .uses(
            "a retry",
            &["streams_name_key", "events_event_id_key"],
            again,
        )
        .await
        .unwrap();
    assert!(again.duplicate);
    let without = store.append(vec![append(
        "new-1",
        ExpectedVersion::None,
        vec![event("New", &json!(1))],
    )]);
    explained
        .uses(
            "an append without",
            &["streams_name_key", "events_pkey"],
            without,
        )
        .await
        .unwrap();
    let lines = (40_001..=40_500).map(line);
    let chunk = store.import(lines.collect());
    let chunk = explained
        .uses(
            "a chunk",
            &["streams_name_key", "events_event_id_key"],
            chunk,
        )
        .await;
    assert_eq!(chunk.unwrap().imported, 500);
    explained.tasks.shutdown().await;
}
