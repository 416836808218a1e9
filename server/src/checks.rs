//! Whether the store is well: each check with what was found and what to do. The page and `highwater doctor` tell the same.

use std::fmt::Write;
use std::time::Duration;

use highwater_engine::FeedHealth;
use highwater_model::{
    Maintenance, MarkHolder, ReadModel, ReadModelState, StoreCheck, StoreFacts, Subscription,
};
use highwater_store::{DatabaseHealth, StoreError};

use crate::disk;
use crate::state::AppState;

/// A transaction that holds up others for longer is worth a word, in seconds.
const LONG_HOLD: f64 = 5.0;
/// A transaction, of whoever, that is open for longer is worth a word, in seconds.
const LONG_OPEN: i64 = 3_600;
/// Parts of a hundred of the connections that may be used.
const CONNECTIONS: i64 = 80;
/// Transactions before the database stops taking writes: below it somebody has to look now, …
const TRANSACTIONS_WRONG: i64 = 100_000_000;
/// … and below it vacuum does not keep up (autovacuum begins when 1.9 thousand million are left).
const TRANSACTIONS_ADVICE: i64 = 1_000_000_000;
/// Bytes of write-ahead log that a replication slot may keep.
const SLOT_BYTES: i64 = 8 << 30;
/// Without statistics a log of so many events is planned for as if it were small.
const STATISTICS_EVENTS: i64 = 10_000;
/// Events that the views of counts add by themselves; counts lack what is beyond.
const UNCOUNTED: i64 = 10_000;
/// How long the feed may not have looked at the log: it looks once a second when nothing happens.
const SILENT: Duration = Duration::from_secs(10);

/// All checks; the worst first.
pub(crate) async fn all(state: &AppState) -> Result<Vec<StoreCheck>, StoreError> {
    let facts = state.store.facts().await?;
    let health = state.store.database_health().await?;
    let sizes = state.store.sizes().await?;
    let read_models = state.store.read_models().await?;
    let mut checks = vec![
        StoreCheck::good(
            "database",
            format!(
                "{}, schema version {}, {} MiB",
                facts.postgres,
                facts.schema_version,
                facts.database_bytes >> 20
            ),
        ),
        mark(&facts),
        feed(&state.feed.health()),
        writes(&health, state.store.refusal()),
        durability(&health),
        connections(&health),
        transactions(&health),
        long_transaction(&health),
        indexes(&health),
        statistics(&facts, &health),
        slots(&health),
        counts(&health),
        rights(&facts),
        roles(&facts),
        folder(state),
        running(&read_models),
        maintenance(state.store.maintenance().await?.as_ref()),
        subscriptions(&state.store.subscriptions().await?),
        flows(&state.store.late_flows().await?),
    ];
    if let Some(data_dir) = state.data_dir.clone() {
        let per_day = facts.events_bytes / facts.events.max(1) * sizes.events_last_day;
        let per_day = u64::try_from(per_day).unwrap_or(0);
        checks.extend(tokio::task::spawn_blocking(move || disk::check(&data_dir, per_day)).await);
    }
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    Ok(checks)
}

fn maintenance(on: Option<&Maintenance>) -> StoreCheck {
    let Some(on) = on else {
        return StoreCheck::good("maintenance", "is off");
    };
    let told = on.told().unwrap_or_default();
    StoreCheck::advice(
        "maintenance",
        format!("all read models are paused since {:.0} by {told}", on.since),
        "end it when the work is done: the button in the banner of every page, or DELETE /api/maintenance",
    )
}

fn flows(late: &[(String, i64)]) -> StoreCheck {
    if late.is_empty() {
        return StoreCheck::good("flows", "none is late by the rule of its kind");
    }
    let kinds: Vec<String> = late
        .iter()
        .map(|(kind, late)| format!("{late} that began with {kind}"))
        .collect();
    StoreCheck::advice(
        "flows",
        format!("late: {}", kinds.join(", ")),
        "see on the page of each what it waits for: /flows?shown=late&order=oldest",
    )
}

fn mark(facts: &StoreFacts) -> StoreCheck {
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

fn feed(health: &FeedHealth) -> StoreCheck {
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

fn writes(health: &DatabaseHealth, refusal: Option<String>) -> StoreCheck {
    match (&health.read_only, refusal) {
        (None, None) => StoreCheck::good("writes", "the database takes them"),
        (None, Some(why)) => StoreCheck::wrong(
            "writes",
            format!(
                "the database took none when it was last asked: {why}; nothing of that append was recorded"
            ),
            "give the database what it lacks, like room on its disk; it goes on by itself, and the next append that is recorded ends this",
        ),
        (Some(why), _) => StoreCheck::wrong(
            "writes",
            format!("the database takes none: {why}; appends are refused, read models stand"),
            "connect Highwater to the primary, or set default_transaction_read_only to off; it goes on by itself",
        ),
    }
}

fn durability(health: &DatabaseHealth) -> StoreCheck {
    if health.unsafe_settings.is_empty() {
        return StoreCheck::good("durability", "what is committed survives a crash");
    }
    StoreCheck::wrong(
        "durability",
        format!(
            "a crash may lose or damage what was committed: {}",
            health.unsafe_settings.join(", ")
        ),
        "switch it on in postgresql.conf and reload, unless this data may be lost",
    )
}

fn connections(health: &DatabaseHealth) -> StoreCheck {
    let (used, most) = (health.connections, health.connections_most);
    let found = format!("{used} of {most} are used");
    if used * 100 < most * CONNECTIONS {
        StoreCheck::good("connections", found)
    } else {
        StoreCheck::advice(
            "connections",
            found,
            "raise max_connections, or find who keeps them: select application_name, count(*) from pg_stat_activity group by 1 order by 2 desc",
        )
    }
}

fn transactions(health: &DatabaseHealth) -> StoreCheck {
    let millions = health.transactions_left / 1_000_000;
    let found = format!("{millions} million are left before the database stops taking writes");
    let todo = "vacuum (freeze, verbose) the database, and find what keeps autovacuum from it: a long transaction, a replication slot";
    if health.transactions_left < TRANSACTIONS_WRONG {
        StoreCheck::wrong("transactions", found, todo)
    } else if health.transactions_left < TRANSACTIONS_ADVICE {
        StoreCheck::advice("transactions", found, todo)
    } else {
        StoreCheck::good("transactions", found)
    }
}

fn long_transaction(health: &DatabaseHealth) -> StoreCheck {
    match &health.oldest_transaction {
        Some(oldest) if oldest.seconds > LONG_OPEN => StoreCheck::advice(
            "vacuum",
            format!(
                "process {} ({}) has a transaction open for {} min: what was deleted since then stays on the disk",
                oldest.pid,
                oldest.application,
                oldest.seconds / 60
            ),
            format!(
                "let it end; or end it: select pg_terminate_backend({})",
                oldest.pid
            ),
        ),
        _ => StoreCheck::good("vacuum", "no transaction is open for long"),
    }
}

fn indexes(health: &DatabaseHealth) -> StoreCheck {
    if health.invalid_indexes.is_empty() {
        return StoreCheck::good("indexes", "each can be used");
    }
    let mut todo = "build them again:".to_owned();
    for name in &health.invalid_indexes {
        // Writing into a string does not fail.
        let _ = write!(todo, " reindex index concurrently highwater.\"{name}\";");
    }
    let found = format!(
        "not built to the end: {}",
        health.invalid_indexes.join(", ")
    );
    StoreCheck::wrong("indexes", found, todo)
}

fn statistics(facts: &StoreFacts, health: &DatabaseHealth) -> StoreCheck {
    if health.has_statistics || facts.events < STATISTICS_EVENTS {
        return StoreCheck::good("statistics", "the planner knows the log");
    }
    StoreCheck::advice(
        "statistics",
        "the planner has none of the events, so it may choose slow plans",
        "analyze highwater.events; and see whether autovacuum is on",
    )
}

fn slots(health: &DatabaseHealth) -> StoreCheck {
    match health.slots.first() {
        Some((name, bytes)) if *bytes > SLOT_BYTES => StoreCheck::advice(
            "slots",
            format!(
                "replication slot {name} makes the server keep {} GiB of write-ahead log",
                bytes >> 30
            ),
            format!(
                "see whether its reader still lives; or drop it: select pg_drop_replication_slot('{}')",
                name.replace('\'', "''")
            ),
        ),
        _ => StoreCheck::good("slots", "no replication slot keeps much write-ahead log"),
    }
}

fn counts(health: &DatabaseHealth) -> StoreCheck {
    if health.uncounted <= UNCOUNTED {
        return StoreCheck::good("counts", "of types and categories are up to the mark");
    }
    StoreCheck::advice(
        "counts",
        format!("more than {UNCOUNTED} events are not in the counts of types and categories yet"),
        "wait a moment; if it stays, look at the server's log for what keeps it from counting",
    )
}

fn rights(facts: &StoreFacts) -> StoreCheck {
    let user = &facts.rights.user;
    if facts.rights.sees_sessions {
        let found = format!("{user} owns the schema and sees what other sessions do");
        return StoreCheck::good("rights", found);
    }
    StoreCheck::wrong(
        "rights",
        format!(
            "{user} does not see what other users' sessions do, so what holds the mark has no name"
        ),
        format!(
            "as an administrator: grant pg_read_all_stats to \"{}\"",
            user.replace('"', "\"\"")
        ),
    )
}

fn roles(facts: &StoreFacts) -> StoreCheck {
    let user = &facts.rights.user;
    if facts.rights.read_models_need.is_empty() {
        let found = format!("{user} may make the roles and schemas of SQL read models");
        return StoreCheck::good("roles", found);
    }
    StoreCheck::wrong(
        "roles",
        format!(
            "{user} may not make the roles or schemas of SQL read models; new ones wait, each with its statements"
        ),
        format!(
            "as an administrator, once for all of them: {}",
            facts.rights.read_models_need.join(" ")
        ),
    )
}

fn folder(state: &AppState) -> StoreCheck {
    let refused = state.read_models.folder_problems();
    if refused.is_empty() {
        return StoreCheck::good("folder", "no definition of a watched folder is refused");
    }
    let told: Vec<String> = refused
        .into_iter()
        .map(|(name, problem)| {
            if name.is_empty() {
                problem
            } else {
                format!("{name}.sql: {problem}")
            }
        })
        .collect();
    StoreCheck::wrong(
        "folder",
        told.join("; "),
        "mend the file; it is read again as soon as it changes, and the live read model is as it was",
    )
}

fn subscriptions(all: &[Subscription]) -> StoreCheck {
    let named = |which: fn(&Subscription) -> bool| {
        let found = all.iter().filter(|one| which(one));
        found.map(|one| one.name.as_str()).collect::<Vec<_>>()
    };
    let parked = named(|one| one.parked > 0);
    if !parked.is_empty() {
        return StoreCheck::wrong(
            "subscriptions",
            format!("have parked events: {}", parked.join(", ")),
            "open each one's page: it says what its members failed at; retry when that is mended, or leave them out with a reason",
        );
    }
    let alone = named(Subscription::is_alone);
    if !alone.is_empty() {
        return StoreCheck::advice(
            "subscriptions",
            format!("nobody reads, and events wait: {}", alone.join(", ")),
            "start a member of each; or remove those that are not needed any more",
        );
    }
    let found = format!("none of the {} has parked events", all.len());
    StoreCheck::good("subscriptions", found)
}

fn running(read_models: &[ReadModel]) -> StoreCheck {
    let faulted: Vec<&str> = read_models
        .iter()
        .filter(|model| model.state == ReadModelState::Faulted)
        .map(|model| model.name.as_str())
        .collect();
    if faulted.is_empty() {
        let found = format!("none of the {} stands on a failure", read_models.len());
        return StoreCheck::good("read models", found);
    }
    StoreCheck::wrong(
        "read models",
        format!("stand on a failure: {}", faulted.join(", ")),
        "open each one's page: it says on which event, and why; retry, or skip with a reason",
    )
}
