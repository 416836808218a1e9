//! One stream, or one category, of a read model is made again from its events, where the definition has such a key.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_engine::ReadModels;
use highwater_model::{Job, JobKind, JobState, Part, Position};
use highwater_store::read_models::ReadModelError;
use serde_json::json;
use support::{Fresh, TOTALS, order, started};

/// Each order, and its events, which refer to it.
const ORDERS: &str = "-- highwater: events Order*
-- highwater: key stream
-- highwater: tables
create table orders (stream text primary key, events bigint not null, cents bigint not null);
create table lines (stream text not null references orders, version bigint not null, primary key (stream, version));
-- highwater: slice
insert into orders select stream, count(*), sum((data->>'cents')::bigint) from events group by 1
on conflict (stream) do update set events = orders.events + excluded.events, cents = orders.cents + excluded.cents;
insert into lines select stream, version from events;
";

type Row = (String, i64, i64, i64);

async fn rows(fresh: &Fresh) -> Vec<Row> {
    sqlx::query_as(
        "select o.stream, o.events, o.cents, count(l) from orders.orders o left join orders.lines l using (stream) group by o.stream order by 1",
    )
    .fetch_all(&mut fresh.sql().await)
    .await
    .unwrap()
}

async fn sql(fresh: &Fresh, statements: &'static str) {
    sqlx::raw_sql(statements)
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
}

async fn rebuilt(fresh: &Fresh, read_models: &ReadModels, part: Part) -> Job {
    let job = read_models
        .rebuild_part("orders", &part, &order())
        .await
        .unwrap();
    fresh.store.job(job).await.unwrap()
}

fn stream(name: &str) -> Part {
    Part::Stream(name.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_one_stream_are_made_again_and_no_other() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 50).await;
    let read_models = fresh.read_models();
    let each = ORDERS
        .replace("highwater: slice", "highwater: each")
        .replace("from events", "from event");
    for text in [ORDERS, &each] {
        read_models.put("orders", text, &order()).await.unwrap();
        fresh.caught_up(&read_models, "orders").await;
        let right = rows(&fresh).await;
        sql(
            &fresh,
            "update orders.orders set cents = -1 where stream = 'order-7'; delete from orders.lines where stream = 'order-7' and version = 0;
             update orders.orders set cents = -2 where stream = 'order-8'",
        )
        .await;
        let job = rebuilt(&fresh, &read_models, stream("order-7")).await;
        assert_eq!(
            (job.state, job.kind, job.done),
            (JobState::Done, JobKind::RebuildPart, 3),
            "{job:#?}"
        );
        assert_eq!(
            job.outcome.unwrap(),
            "verified: rows of order-7 were made again from 3 events up to 200: lines had 2 and has 3, orders had 1 and has 1; no row of others was touched"
        );
        assert_eq!(
            job.numbers["tables"]["lines"],
            json!({"before": 2, "after": 3, "others": right.iter().map(|row| row.3).sum::<i64>() - 3})
        );
        let mut expected = right.clone();
        for row in &mut expected {
            if row.0 == "order-8" {
                row.2 = -2;
            }
        }
        assert_eq!(rows(&fresh).await, expected);
        let read_model = fresh.store.read_model("orders").await.unwrap();
        assert_eq!(read_model.checkpoint, Position(200));
        rebuilt(&fresh, &read_models, stream("order-8")).await;
        assert_eq!(rows(&fresh).await, right);
        // The other kind of handler is made from the beginning.
        if text == ORDERS {
            let rebuild = read_models.put("orders", &each, &order()).await;
            rebuild.unwrap();
            let job = read_models
                .rebuild("orders", &order(), &json!({}))
                .await
                .unwrap();
            support::over(&fresh, job).await;
            read_models.diff("orders").await.unwrap();
            let job = read_models.promote("orders", &order()).await.unwrap();
            assert_eq!(support::over(&fresh, job).await.state, JobState::Done);
        }
    }
    // The live one goes on as if nothing had been.
    let more = json!({"customer": "c7", "cents": 5});
    fresh.append("order-7", "OrderPlaced", &[more]).await;
    fresh.caught_up(&read_models, "orders").await;
    let found = rows(&fresh).await;
    let row = found.iter().find(|row| row.0 == "order-7").unwrap();
    assert_eq!((row.1, row.3), (4, 4));
    let actions = fresh.store.actions(Some("orders"), None, 50).await.unwrap();
    let told = actions
        .iter()
        .find(|action| action.action == "rebuild_part")
        .unwrap();
    assert!(told.outcome.starts_with("done: verified"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_one_category_are_made_again() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 30).await;
    let gift = json!({"customer": "c1", "cents": 3});
    let gifts = [gift.clone(), gift];
    fresh.append("gift-1", "OrderPlaced", &gifts).await;
    let read_models = fresh.read_models();
    let text = ORDERS
        .replace("key stream", "key category")
        .replace("stream", "category")
        .replace(
            "insert into lines select category, version from events;",
            "",
        );
    started(&read_models, "orders", &text).await;
    fresh.caught_up(&read_models, "orders").await;
    sql(&fresh, "update orders.orders set cents = -1").await;
    let job = rebuilt(&fresh, &read_models, Part::Category("gift".to_owned())).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    let found: Vec<(String, i64, i64)> =
        sqlx::query_as("select category, events, cents from orders.orders order by 1")
            .fetch_all(&mut fresh.sql().await)
            .await
            .unwrap();
    assert_eq!(found[0], ("gift".to_owned(), 2, 6));
    assert_eq!((found[1].0.as_str(), found[1].2), ("order", -1));
    let refused = read_models
        .rebuild_part("orders", &stream("gift-1"), &order())
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("belong to one category each"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_leaves_its_rows_as_they_were() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "orders", ORDERS).await;
    fresh.caught_up(&read_models, "orders").await;
    sql(
        &fresh,
        "alter table orders.orders add constraint never check (stream <> 'order-7') not valid; update orders.orders set cents = -1 where stream = 'order-8'",
    )
    .await;
    let before = rows(&fresh).await;
    let job = rebuilt(&fresh, &read_models, stream("order-7")).await;
    assert_eq!(job.state, JobState::Failed);
    let outcome = job.outcome.unwrap();
    assert!(
        outcome.contains("violates check constraint \"never\"")
            && outcome.ends_with("its rows are as they were"),
        "{outcome}"
    );
    assert_eq!(rows(&fresh).await, before);
    // What comes is handled, and the next part is made.
    fresh.orders(100, 1).await;
    fresh.caught_up(&read_models, "orders").await;
    let job = rebuilt(&fresh, &read_models, stream("order-8")).await;
    assert_eq!(job.state, JobState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_hold_is_found_and_nothing_is_kept() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    let text = format!(
        "{ORDERS}insert into orders select 'all', count(*), 0 from events on conflict (stream) do update set events = orders.events + excluded.events"
    );
    started(&read_models, "orders", &text).await;
    fresh.caught_up(&read_models, "orders").await;
    let before = rows(&fresh).await;
    let job = rebuilt(&fresh, &read_models, stream("order-7")).await;
    assert_eq!(job.state, JobState::Failed);
    let outcome = job.outcome.unwrap();
    assert!(
        outcome.contains("changed rows of others in orders"),
        "{outcome}"
    );
    assert_eq!(rows(&fresh).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_made_in_part_is_refused() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 5).await;
    let many = vec![json!({"customer": "c1", "cents": 1}); 1_000];
    for _ in 0..100 {
        fresh.append("order-1", "OrderPlaced", &many).await;
    }
    let read_models = fresh.read_models();
    let wrong = ORDERS.replace("lines (stream text", "lines (stream varchar");
    let ReadModelError::Definition(wrong) = read_models
        .put("orders", &wrong, &order())
        .await
        .unwrap_err()
    else {
        panic!("it is refused for what it says");
    };
    assert_eq!((wrong.line, wrong.column), (2, 19));
    assert!(wrong.message.contains("lines has none"), "{wrong}");
    started(&read_models, "orders", ORDERS).await;
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "orders").await;
    fresh.caught_up(&read_models, "totals").await;
    let before = rows(&fresh).await;
    for (name, part, why) in [
        ("totals", stream("order-2"), "rebuild the whole of it"),
        ("orders", stream("order-77"), "there is no stream order-77"),
        ("orders", stream("order-1"), "more than 100000 events"),
        (
            "orders",
            Part::Category("order".to_owned()),
            "belong to one stream each",
        ),
        (
            "nothing",
            stream("order-2"),
            "there is no read model nothing",
        ),
    ] {
        let refused = read_models.rebuild_part(name, &part, &order()).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    assert!(fresh.store.current_jobs().await.unwrap().is_empty());
    assert_eq!(rows(&fresh).await, before);
}
