//! What the database says of itself.

use std::fmt::Write;

use highwater_model::{StoreCheck, StoreFacts};
use highwater_store::DatabaseHealth;

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

pub(super) fn writes(health: &DatabaseHealth, refusal: Option<String>) -> StoreCheck {
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

pub(super) fn durability(health: &DatabaseHealth) -> StoreCheck {
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

pub(super) fn connections(health: &DatabaseHealth) -> StoreCheck {
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

pub(super) fn transactions(health: &DatabaseHealth) -> StoreCheck {
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

pub(super) fn long_transaction(health: &DatabaseHealth) -> StoreCheck {
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

pub(super) fn indexes(health: &DatabaseHealth) -> StoreCheck {
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

pub(super) fn slots(health: &DatabaseHealth) -> StoreCheck {
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

pub(super) fn rights(facts: &StoreFacts) -> StoreCheck {
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

pub(super) fn roles(facts: &StoreFacts) -> StoreCheck {
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
