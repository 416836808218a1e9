//! The log: whether it grows, is read, planned for and counted.

use std::time::Duration;

use highwater_engine::FeedHealth;
use highwater_model::{MarkHolder, StoreCheck, StoreFacts};
use highwater_store::DatabaseHealth;

/// A transaction that holds up others for longer is worth a word, in seconds.
const LONG_HOLD: f64 = 5.0;
/// Without statistics a log of so many events is planned for as if it were small.
const STATISTICS_EVENTS: i64 = 10_000;
/// Events that the views of counts add by themselves; counts lack what is beyond.
const UNCOUNTED: i64 = 10_000;
/// How long the feed may not have looked at the log: it looks once a second when nothing happens.
const SILENT: Duration = Duration::from_secs(10);

pub(super) fn mark(facts: &StoreFacts) -> StoreCheck {
    let long = |holder: &&MarkHolder| holder.seconds > LONG_HOLD;
    let Some(holder) = facts.holders.iter().find(long) else {
        let found = format!(
            "at {}, {} events in {} streams",
            facts.mark.position, facts.events, facts.streams
        );
        return StoreCheck::good("mark", found);
    };
    let what = match holder.what.as_str() {
        "holds" => "holds the log",
        "waits" => "waits for the log",
        _ => "has open appends",
    };
    let found = format!(
        "process {} ({}) {what} for {:.0} s",
        holder.pid, holder.application, holder.seconds
    );
    let todo = format!(
        "let it commit or roll back; or end it: select pg_terminate_backend({})",
        holder.pid
    );
    StoreCheck::wrong("mark", found, todo)
}

pub(super) fn feed(health: &FeedHealth) -> StoreCheck {
    match &health.fault {
        Some(fault) => StoreCheck::wrong(
            "feed",
            format!("stands still: {fault}"),
            "look at the server's log; the feed goes on by itself when the log can be read again",
        ),
        None if health.seen > SILENT => StoreCheck::wrong(
            "feed",
            format!("has not looked at the log for {} s", health.seen.as_secs()),
            "see whether the server or the database is out of CPU; the server's log says more",
        ),
        None => StoreCheck::good("feed", "reads the log as it grows"),
    }
}

pub(super) fn statistics(facts: &StoreFacts, health: &DatabaseHealth) -> StoreCheck {
    if health.has_statistics || facts.events < STATISTICS_EVENTS {
        return StoreCheck::good("statistics", "the planner knows the log");
    }
    StoreCheck::advice(
        "statistics",
        "the planner has none of the events, so it may choose slow plans",
        "analyze highwater.events; and see whether autovacuum is on",
    )
}

pub(super) fn counts(health: &DatabaseHealth) -> StoreCheck {
    if health.uncounted <= UNCOUNTED {
        return StoreCheck::good("counts", "of types and categories are up to the mark");
    }
    StoreCheck::advice(
        "counts",
        format!("more than {UNCOUNTED} events are not in the counts of types and categories yet"),
        "wait a moment; if it stays, look at the server's log for what keeps it from counting",
    )
}
