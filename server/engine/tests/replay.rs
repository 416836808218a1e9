//! A replay handles events again where the definition allows it, skips none, and says what it did.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_engine::ReadModels;
use highwater_model::{
    FailureOutcome, JobKind, JobState, Position, ReadModelState, ReplayFrom, VersionRole,
};
use serde_json::json;
use support::{Fresh, TOTALS, order, over, started};

/// Version, checkpoint, generation and state of each.
type Progress = Vec<(i64, i64, i64, String)>;

/// What it has seen; seen twice, it is the same.
const SEEN: &str = "-- highwater: events Order*
-- highwater: replay-safe
-- highwater: tables
create table seen (position bigint primary key, cents bigint not null);
-- highwater: slice
insert into seen select position, (data->>'cents')::bigint from events
on conflict (position) do update set cents = excluded.cents;
";

async fn seen(fresh: &Fresh, orders: usize) -> ReadModels {
    fresh.orders(0, orders).await;
    let read_models = fresh.read_models();
    started(&read_models, "seen", SEEN).await;
    fresh.caught_up(&read_models, "seen").await;
    read_models
}

/// Positions that are seen, and those that should be, from one on.
async fn positions(fresh: &Fresh, from: i64) -> (Vec<i64>, Vec<i64>) {
    let mut sql = fresh.sql().await;
    let seen = sqlx::query_scalar("select position from seen.seen order by 1")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    let log = sqlx::query_scalar(
        "select e.position from highwater.events e join highwater.event_types t using (type_id)
         where t.name like 'Order%' and e.position >= $1 and e.data->>'cents' <> 'many' order by 1",
    )
    .bind(from)
    .fetch_all(&mut sql)
    .await
    .unwrap();
    (seen, log)
}

async fn forget_rows(fresh: &Fresh) {
    sqlx::query("delete from seen.seen")
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_handles_again_from_its_position_on_and_is_verified() {
    let fresh = Fresh::new().await;
    let read_models = seen(&fresh, 500).await;
    forget_rows(&fresh).await;
    let from = ReplayFrom::Position(Position(812));
    let plan = read_models.plan_replay("seen", from).await.unwrap();
    let (_, log) = positions(&fresh, 812).await;
    assert_eq!(plan.from, Position(812));
    assert_eq!(usize::try_from(plan.matching).unwrap(), log.len());
    assert!(plan.measured.starts_with("a probe of "), "{plan:?}");
    assert!(plan.duration.unwrap().to > 0.0 && plan.side_effects.is_empty());
    let plan = serde_json::to_value(&plan).unwrap();
    let job = read_models
        .replay("seen", from, &order(), &plan)
        .await
        .unwrap();
    let job = over(&fresh, job).await;
    assert_eq!(
        (job.state, job.kind),
        (JobState::Done, JobKind::Replay),
        "{job:#?}"
    );
    let outcome = job.outcome.unwrap();
    assert_eq!(
        outcome,
        "verified: events from 812 on were handled again, it is live, nothing came since 2000, and 1 of its tables have rows"
    );
    assert_eq!(usize::try_from(job.done).unwrap(), log.len());
    assert_eq!(job.plan["matching"], plan["matching"]);
    let (seen, log) = positions(&fresh, 812).await;
    assert_eq!(seen, log);
    let actions = fresh.store.actions(Some("seen"), None, 2).await.unwrap();
    assert_eq!(actions[1].before["checkpoint"], 2_000);
    assert_eq!(actions[1].after["checkpoint"], 811);
    assert!(actions[0].outcome.starts_with("done: verified"));
    let again = read_models.plan_replay("seen", from).await.unwrap();
    assert_eq!(again.measured, "the last replay of this definition");
    // It goes on.
    fresh.orders(1_000, 10).await;
    fresh.caught_up(&read_models, "seen").await;
    let (seen, log) = positions(&fresh, 812).await;
    assert_eq!(seen, log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_the_first_event_that_was_recorded_then_or_later() {
    let fresh = Fresh::new().await;
    let read_models = seen(&fresh, 300).await;
    let at: String = sqlx::query_scalar(
        r#"select to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') from highwater.events where position = 700"#,
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    let from: i64 =
        sqlx::query_scalar("select min(position) from highwater.events where recorded_at >= (select recorded_at from highwater.events where position = 700)")
            .fetch_one(&mut fresh.sql().await)
            .await
            .unwrap();
    let time = ReplayFrom::Time(at.parse().unwrap());
    let plan = read_models.plan_replay("seen", time).await.unwrap();
    assert_eq!(plan.from, Position(from));
    assert!(from > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_says_that_it_replays_and_stands_where_it_stood_when_cancelled() {
    let fresh = Fresh::new().await;
    let read_models = seen(&fresh, 2_000).await;
    let from = ReplayFrom::Position(Position(1));
    let job = read_models
        .replay("seen", from, &order(), &json!({}))
        .await
        .unwrap();
    read_models
        .set_speed(job, Some(400), &order())
        .await
        .unwrap();
    let reason = format!("replays from 1, job {job}");
    let replaying = fresh
        .until("seen", |read_model| {
            read_model.reason.as_deref() == Some(&reason) && read_model.checkpoint > Position(0)
        })
        .await;
    assert_eq!(replaying.state, ReadModelState::CatchingUp);
    assert!(
        replaying.lag.positions > 1_000 && replaying.trend.starts_with("catching up"),
        "{replaying:#?}"
    );
    let running = fresh.store.job(job).await.unwrap();
    assert!(running.done > 0 && running.total > 6_000, "{running:#?}");
    assert_eq!(running.doing.as_deref(), Some(reason.as_str()));
    let second = read_models
        .replay("seen", from, &order(), &json!({}))
        .await
        .unwrap_err();
    assert!(
        second.to_string().contains("a job runs for seen already"),
        "{second}"
    );
    read_models.cancel(job, &order()).await.unwrap();
    let cancelled = fresh.store.job(job).await.unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert!(cancelled.done > 0 && cancelled.done < 6_000);
    let outcome = cancelled.outcome.unwrap();
    assert!(
        outcome.starts_with("cancelled by ada; events from 1 up to ")
            && outcome
                .ends_with("were handled a second time, those behind not, and it stands at 8000"),
        "{outcome}"
    );
    let read_model = fresh.store.read_model("seen").await.unwrap();
    assert_eq!(read_model.checkpoint, Position(8_000));
    fresh.orders(5_000, 10).await;
    fresh.caught_up(&read_models, "seen").await;
    let (seen, log) = positions(&fresh, 1).await;
    assert_eq!(seen, log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_in_another_server() {
    let fresh = Fresh::new().await;
    let read_models = seen(&fresh, 1_500).await;
    forget_rows(&fresh).await;
    let job = read_models
        .replay(
            "seen",
            ReplayFrom::Position(Position(1)),
            &order(),
            &json!({}),
        )
        .await
        .unwrap();
    read_models
        .set_speed(job, Some(400), &order())
        .await
        .unwrap();
    fresh
        .until("seen", |read_model| read_model.checkpoint > Position(0))
        .await;
    fresh.tasks.shutdown().await;
    let other = Fresh::at(fresh.url.clone()).await;
    let read_models = other.read_models();
    other.orders(5_000, 20).await;
    read_models.set_speed(job, None, &order()).await.unwrap();
    let job = over(&other, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    other.caught_up(&read_models, "seen").await;
    let (seen, log) = positions(&other, 1).await;
    assert_eq!(seen, log);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_out_on_record_is_left_out_again() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 20).await;
    let many = json!({"customer": "c1", "cents": "many"});
    let bad = fresh.append("order-1", "OrderPlaced", &[many]).await;
    fresh.orders(100, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "seen", SEEN).await;
    fresh
        .until("seen", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    let live = VersionRole::Live;
    read_models.skip("seen", live, bad, &order()).await.unwrap();
    fresh.caught_up(&read_models, "seen").await;
    forget_rows(&fresh).await;
    let job = read_models
        .replay(
            "seen",
            ReplayFrom::Position(Position(1)),
            &order(),
            &json!({}),
        )
        .await
        .unwrap();
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    let (seen, log) = positions(&fresh, 1).await;
    assert_eq!(seen, log);
    let failures = fresh.store.failures("seen", live, None, 10).await.unwrap();
    assert_eq!(
        (failures[0].outcome, failures[0].attempts),
        (FailureOutcome::Skipped, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_stands_on_an_event_can_be_cancelled_and_nothing_is_left_out() {
    let fresh = Fresh::new().await;
    let read_models = seen(&fresh, 200).await;
    let never = "alter table seen.seen add constraint never check (position <> 400) not valid";
    sqlx::query(never)
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    let from = ReplayFrom::Position(Position(300));
    let job = read_models
        .replay("seen", from, &order(), &json!({}))
        .await
        .unwrap();
    let stands = fresh
        .until("seen", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    assert_eq!(stands.checkpoint, Position(399));
    let running = fresh.store.job(job).await.unwrap();
    assert_eq!(running.state, JobState::Running);
    assert!(running.doing.unwrap().starts_with("event 400 failed"));
    read_models.cancel(job, &order()).await.unwrap();
    fresh.orders(5_000, 10).await;
    fresh.caught_up(&read_models, "seen").await;
    let (seen, log) = positions(&fresh, 1).await;
    assert_eq!(seen, log);
    let live = fresh.until("seen", |read_model| read_model.stands_on.is_none());
    assert_ne!(live.await.state, ReadModelState::Faulted);
    let failures = fresh
        .store
        .failures("seen", VersionRole::Live, None, 10)
        .await
        .unwrap();
    assert_eq!(failures[0].outcome, FailureOutcome::Handled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_replayed_is_refused_and_nothing_changes() {
    let fresh = Fresh::new().await;
    let read_models = seen(&fresh, 20).await;
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let progress = "select version_id, checkpoint, generation, state from highwater.read_model_progress order by 1";
    read_models.pause("seen", &order()).await.unwrap();
    fresh.orders(100, 1).await;
    fresh.caught_up(&read_models, "totals").await;
    let before: Progress = sqlx::query_as(progress)
        .fetch_all(&mut fresh.sql().await)
        .await
        .unwrap();
    let at = |position| ReplayFrom::Position(Position(position));
    let later = ReplayFrom::Time(jiff::Timestamp::MAX);
    for (name, from, why) in [
        ("totals", at(1), "rebuild it instead"),
        (
            "seen",
            at(1),
            "seen is paused, by ada: a test; resume it first",
        ),
        ("nothing", at(1), "there is no read model nothing"),
    ] {
        let refused = read_models
            .replay(name, from, &order(), &json!({}))
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(why), "{refused}");
    }
    for (from, why) in [
        (at(0), "positions begin at 1"),
        (at(85), "position 85 is beyond the head, 84"),
        (at(81), "handled events up to 80 only"),
        (later, "no event was recorded at"),
    ] {
        let refused = read_models.plan_replay("seen", from).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let plan = read_models.plan_replay("seen", at(1)).await.unwrap();
    assert!(plan.warnings[0].contains("it is paused"), "{plan:?}");
    let after: Progress = sqlx::query_as(progress)
        .fetch_all(&mut fresh.sql().await)
        .await
        .unwrap();
    assert_eq!(before, after);
    read_models.resume("seen", &order()).await.unwrap();
    fresh.caught_up(&read_models, "seen").await;
    let beyond = read_models
        .replay("seen", at(85), &order(), &json!({}))
        .await;
    assert!(beyond.unwrap_err().to_string().contains("beyond the head"));
    assert!(fresh.store.current_jobs().await.unwrap().is_empty());
}
