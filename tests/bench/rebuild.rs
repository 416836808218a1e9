//! `rebuild`: a log into totals, through the engine, beside the one statement that anybody would write for it, and row handlers of peers.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures_util::TryStreamExt;
use highwater_engine::read_models::Folding;
use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_model::VersionRole;
use highwater_store::{Store, Tasks};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::contenders;
use crate::import::ours;
use crate::lab::Lab;
use crate::page_read::RawRow;
use crate::peers;
use crate::report::{Goal, Row, short};
use crate::totals::{self, Totals, median};

/// Of the one statement's speed, or of reading all events.
const GOAL: f64 = 0.7;
/// Times the speed of a row handler.
const HANDLERS: f64 = 30.0;
/// What `each` handles: one type of five.
const EACH: &str = "ParcelSent";
const EACH_IS: &str =
    "where type_id = (select type_id from highwater.event_types where name = 'ParcelSent')";

/// What is measured, a round each.
#[derive(Debug, Default)]
struct Seconds {
    statement: Vec<f64>,
    slice: Vec<f64>,
    each: Vec<f64>,
    scan: Vec<f64>,
    fold: Vec<f64>,
}

/// A statement, slices, events one by one, a scan, a fold: in turns over one log.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let (count, rounds) = if lab.long {
        (1_000_000, 5)
    } else {
        (1_000_000, 3)
    };
    let mut contender = contenders::store(&lab.postgres).await?;
    let store = ours(&contender)?.clone();
    eprintln!("  filling a log of {count} events");
    totals::fill(&store, count, count / 10).await?;
    contender.appended = count;
    sqlx::query("vacuum analyze highwater.events")
        .execute(&contender.pool)
        .await?;
    let tasks = Tasks::new();
    let engine = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    let by_slice = totals::of_slices("*", "(data->>'cents')::bigint");
    wait_for_rebuild(&engine, "sliced", &by_slice).await?;
    wait_for_rebuild(&engine, "single", &totals::of_each(EACH)).await?;
    let mut seconds = Seconds::default();
    let mut wrong = None;
    for round in 1..=rounds {
        eprintln!("  round {round} of {rounds}");
        lab.postgres.settle().await?;
        seconds.statement.push(statement(&contender.url).await?);
        lab.postgres.settle().await?;
        seconds
            .slice
            .push(rebuild(&store, &engine, "sliced").await?);
        let shadow = "select account, movements, cents from sliced__shadow.totals";
        wrong = wrong.or(check(&contender.pool, "slice", shadow, "").await?);
        lab.postgres.settle().await?;
        seconds.each.push(rebuild(&store, &engine, "single").await?);
        let shadow = "select account, movements, cents from single__shadow.totals";
        wrong = wrong.or(check(&contender.pool, "each", shadow, EACH_IS).await?);
        for name in ["sliced", "single"] {
            engine
                .discard(name, VersionRole::Shadow, &totals::order())
                .await?;
        }
        lab.postgres.settle().await?;
        seconds.scan.push(scan(&contender.pool, count).await?);
        lab.postgres.settle().await?;
        let name = format!("folded_{round}");
        seconds.fold.push(fold(&store, &engine, &name).await?);
        let folded = format!("select account, movements, cents from {name}.totals");
        wrong = wrong.or(check(&contender.pool, "Fold", &folded, "").await?);
    }
    // Nothing else runs beside the peers.
    tasks.shutdown().await;
    let mut rows = ours_in_rows(&seconds, count);
    rows.extend(handlers(lab, &contender.pool, &contender.url, &seconds, count).await?);
    wrong = wrong.or(contender.check().await?);
    contender.close().await;
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).wrong(wrong);
    }
    Ok(rows)
}

fn ours_in_rows(seconds: &Seconds, count: u64) -> Vec<Row> {
    let speed = |events: u64, of: &[f64]| events as f64 / median(of);
    let statement = speed(count, &seconds.statement);
    let slice = speed(count, &seconds.slice);
    let each = speed(count / 5, &seconds.each);
    let (scan, fold) = (speed(count, &seconds.scan), speed(count, &seconds.fold));
    let rows = count / 10;
    vec![
        Row::new(
            "rebuild",
            format!("{count} events → {rows} rows, SQL slice"),
            format!("{slice:.0}/s"),
        )
        .against(format!("INSERT … SELECT {statement:.0}/s"))
        .goal(slice / statement, Goal::AtLeast(GOAL))
        .rounds(json!({ "seconds": seconds.slice, "statement_seconds": seconds.statement })),
        Row::new(
            "rebuild",
            format!("{} of them → {} rows, SQL each", count / 5, rows / 5),
            format!("{each:.0}/s"),
        )
        .against(format!("INSERT … SELECT {statement:.0}/s"))
        .rounds(json!({ "seconds": seconds.each, "of_statement": each / statement })),
        Row::new(
            "rebuild_fold",
            format!("{count} events → {rows} rows, Fold"),
            format!("{fold:.0}/s"),
        )
        .against(format!("reading them {scan:.0}/s"))
        .goal(fold / scan, Goal::AtLeast(GOAL))
        .rounds(json!({ "seconds": seconds.fold, "scan_seconds": seconds.scan })),
    ]
}

/// Row handlers of peers, over the first part of the same log.
async fn handlers(
    lab: &Lab,
    pool: &PgPool,
    url: &str,
    seconds: &Seconds,
    count: u64,
) -> Result<Vec<Row>> {
    let events = if lab.long { 50_000 } else { 10_000 };
    let slice = count as f64 / median(&seconds.slice);
    let fold = count as f64 / median(&seconds.fold);
    let mut rows = Vec::new();
    for peer in peers::REPLAYS {
        eprintln!("  {} replays {events} events", peer.name);
        let name = "rebuild_vs_handler";
        let row = match (peer.replay)(lab, pool, url, events).await {
            Err(why) => Row::missing(name, format!("{}: {why:#}", peer.name)),
            Ok(took) => {
                let theirs = events as f64 / took;
                let part = format!("where position <= {events}");
                let wrong = check(pool, peer.name, peer.rows, &part).await?;
                Row::new(name, "SQL slice", format!("{slice:.0}/s"))
                    .against(format!("{} {theirs:.0}/s", peer.name))
                    .goal(slice / theirs, Goal::AtLeast(HANDLERS))
                    .rounds(json!({ "events": events, "seconds": took, "fold": fold / theirs }))
                    .note(format!(
                        "{}, {events} events; Fold is {} × as fast",
                        peer.how,
                        short(fold / theirs)
                    ))
                    .wrong(wrong)
            }
        };
        rows.push(row);
    }
    Ok(rows)
}

/// A read model that is live with nothing, and a definition that waits for its rebuild.
async fn wait_for_rebuild(engine: &ReadModels, name: &str, text: &str) -> Result<()> {
    let (_, behind) = text.split_once('\n').context("a definition has lines")?;
    let nothing = format!("-- highwater: events NothingSuch\n{behind}");
    engine.put(name, &nothing, &totals::order()).await?;
    engine.put(name, text, &totals::order()).await?;
    Ok(())
}

/// Seconds from the order to a shadow that is level with the log.
async fn rebuild(store: &Store, engine: &ReadModels, name: &str) -> Result<f64> {
    let job_id = engine.rebuild(name, &totals::order(), &json!({})).await?;
    let job = totals::done(store, job_id).await?;
    let ended = job.ended_at.context("a job that is over has an end")?;
    Ok(ended.duration_since(job.created_at).as_secs_f64())
}

/// Seconds of the one statement, into a new table with the same key.
async fn statement(url: &str) -> Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    let table = totals::TABLE.replace("table totals", "table by_statement");
    // As much memory as it wants, and no time for compiling: the fastest that it gets.
    let set_up = format!(
        "set work_mem = '256MB'; set jit = off; drop table if exists by_statement; {table}"
    );
    connection.execute(AssertSqlSafe(set_up)).await?;
    let insert = format!("insert into by_statement {}", totals::of_log(""));
    let began = Instant::now();
    connection.execute(AssertSqlSafe(insert)).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds of reading every event to the client.
async fn scan(pool: &PgPool, count: u64) -> Result<f64> {
    let began = Instant::now();
    let mut rows = sqlx::query_as::<_, RawRow>(
        "select position, stream_id, version, event_id, type_id, data, metadata, occurred_at, recorded_at
         from highwater.events order by position",
    )
    .fetch(pool);
    let mut read = 0;
    while rows.try_next().await?.is_some() {
        read += 1;
    }
    if read != count {
        bail!("a scan read {read} of {count} events");
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds from the order to a projection in code that has handled all.
async fn fold(store: &Store, engine: &ReadModels, name: &str) -> Result<f64> {
    let totals = Totals {
        name: name.to_owned(),
    };
    let began = Instant::now();
    engine.project(Folding::new(totals)).await?;
    totals::caught_up(store, engine, name).await?;
    let seconds = began.elapsed().as_secs_f64();
    engine.pause(name, &totals::order()).await?;
    Ok(seconds)
}

/// Whether rows are those that the statement makes of a part of the log.
async fn check(pool: &PgPool, who: &str, rows: &str, part: &str) -> Result<Option<String>> {
    let differing = totals::differing(pool, rows, &totals::of_log(part)).await?;
    Ok((differing > 0).then(|| format!("{who}: {differing} rows differ from the statement's")))
}
