//! What `GET /metrics` answers: what was counted and measured on the way, and gauges of what is so at this moment.
//!
//! The gauges are made for each scrape, and not kept by the recorder: one of a read model that is gone would stay there for ever.

mod read_models;
mod subscriptions;
mod text_format;

use std::sync::Arc;
use std::time::Duration;

use highwater_model::{JobKind, JobState, MarkHolder, Position, ReadModelLag, Subscription};
use highwater_store::SCHEMA_VERSION;
use highwater_store::read_models::JobCount;
use tokio::time::timeout;

use crate::state::AppState;
use text_format::{TextFormat, count, number, yes};

/// How long the database may take to answer. A scrape is answered whether it does or not; Prometheus gives up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long each further look may take once it has: that at the lag of very many read models takes a while.
const LOOK: Duration = Duration::from_secs(4);
/// Read models that are named, and subscriptions: each has some ten series, and those that are well need them least.
const NAMED: usize = 200;

/// What the database says. What took too long is none.
struct Database {
    head: Position,
    holders: Option<Vec<MarkHolder>>,
    read_models: Option<Arc<[ReadModelLag]>>,
    subscriptions: Option<Arc<[Subscription]>>,
    jobs: Option<Vec<JobCount>>,
}

/// All metrics as text.
pub(crate) async fn scrape(state: &AppState) -> String {
    let database = ask(state).await;
    let mut text = TextFormat::default();
    server(&mut text, state, database.as_ref());
    if let Some(database) = database {
        holders(&mut text, database.holders.as_deref());
        jobs(&mut text, database.jobs.as_deref());
        if let Some(all) = database.read_models {
            read_models::say(&mut text, &all);
        }
        if let Some(all) = database.subscriptions {
            subscriptions::say(&mut text, &all);
        }
    }
    let mut said = state.metrics.render();
    said.push_str(&text.into_text());
    said
}

/// Asks the database; none when it does not answer.
async fn ask(state: &AppState) -> Option<Database> {
    let mark = timeout(PATIENCE, state.store.mark()).await.ok()?.ok()?;
    let (holders, read_models, subscriptions, jobs) = tokio::join!(
        timeout(LOOK, state.store.holders()),
        timeout(LOOK, state.boards.read_models()),
        timeout(LOOK, state.boards.all_subscriptions()),
        timeout(LOOK, state.store.job_counts()),
    );
    Some(Database {
        head: mark.position,
        holders: holders.ok().and_then(Result::ok),
        read_models: read_models.ok().flatten(),
        subscriptions: subscriptions.ok().flatten(),
        jobs: jobs.ok().and_then(Result::ok),
    })
}

/// What this server knows, with the database or without.
fn server(text: &mut TextFormat, state: &AppState, database: Option<&Database>) {
    let schema = SCHEMA_VERSION.to_string();
    text.family(
        "highwater_build_info",
        "1, with the version of Highwater and of its schema.",
    )
    .say(
        &[
            ("version", env!("CARGO_PKG_VERSION")),
            ("schema", schema.as_str()),
        ],
        1.0,
    );
    text.gauge(
        "highwater_database_up",
        "1: the database answered within two seconds. 0: it did not, and what only it knows is left out.",
        yes(database.is_some()),
    );
    let (mark, health) = (state.feed.mark(), state.feed.health());
    let known = *state.store.wake().borrow();
    let head = database.map_or(known, |database| database.head);
    text.gauge(
        "highwater_head_position",
        "The newest position of the log; without the database, the newest that this server knows of.",
        number(head.max(mark.position).0),
    );
    text.gauge(
        "highwater_mark_position",
        "The high-water mark as this server's feed has read it: its live readers have everything up to it.",
        number(mark.position.0),
    );
    if let Some(recorded_at) = mark.recorded_at {
        let age = state.store.clock().now().duration_since(recorded_at);
        text.gauge(
            "highwater_mark_age_seconds",
            "Seconds since the event at the mark was recorded.",
            age.as_secs_f64().max(0.0),
        );
    }
    text.gauge(
        "highwater_events_per_second",
        "Events a second that this server's feed has read over the last two seconds.",
        mark.rate,
    );
    text.gauge(
        "highwater_feed_seen_seconds",
        "Seconds since this server's feed last looked at the log with success; it looks once a second when nothing happens.",
        health.seen.as_secs_f64(),
    );
    text.gauge(
        "highwater_feed_faulted",
        "1: this server's feed stands still, and /readyz says why.",
        yes(health.fault.is_some()),
    );
    pools(text, state);
}

fn pools(text: &mut TextFormat, state: &AppState) {
    let [read, append] = state.store.pools();
    let pools = [read, append, state.read_models.slice_connections()];
    let mut connections = text.family(
        "highwater_pool_connections",
        "Connections of this server to the database, by what they are for (two of append are always kept) and whether they are idle.",
    );
    for pool in &pools {
        for (state, count) in [("idle", pool.idle), ("in_use", pool.in_use)] {
            connections.say(&[("pool", pool.pool), ("state", state)], f64::from(count));
        }
    }
    text.family(
        "highwater_pool_connections_max",
        "Connections that there may be, by what they are for.",
    )
    .each(
        "pool",
        pools.iter().map(|pool| (pool.pool, f64::from(pool.most))),
    );
}

fn holders(text: &mut TextFormat, holders: Option<&[MarkHolder]>) {
    let Some(holders) = holders else { return };
    let longest = holders.iter().map(|holder| holder.seconds);
    text.gauge(
        "highwater_mark_held_seconds",
        "Seconds that the oldest transaction is open that holds the log, waits for it, or has appended in SQL and not committed; 0: there is none.",
        longest.fold(0.0, f64::max),
    );
    text.family(
        "highwater_mark_holders",
        "Sessions that hold the log, wait for it, or have open appends in SQL.",
    )
    .each(
        "what",
        ["holds", "waits", "open"].map(|what| {
            let those = holders.iter().filter(|holder| holder.what == what);
            (what, count(those.count()))
        }),
    );
}

fn jobs(text: &mut TextFormat, counts: Option<&[JobCount]>) {
    let Some(counts) = counts else { return };
    let mut family = text.family(
        "highwater_jobs",
        "Jobs, by what they do and where they stand.",
    );
    for kind in JobKind::ALL {
        for state in JobState::ALL {
            let those = counts
                .iter()
                .filter(|count| count.kind == kind && count.state == state);
            family.say(
                &[("kind", kind.as_str()), ("state", state.as_str())],
                number(those.map(|count| count.jobs).sum()),
            );
        }
    }
}
