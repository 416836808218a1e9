//! `no_loss`: a reader that goes from position to position while many write, hold their transactions open and roll back.
//!
//! The same harness for a plain insert and for Message DB read across categories: both lose events. (`tests/no_loss` is the proof, with
//! processes that are killed; this shows what others do in the same minutes.)

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use crate::contenders::{self, Contender};
use crate::events::Events;
use crate::lab::Lab;
use crate::report::{Goal, Row};
use crate::writers::{Target, Writer};

/// SQL writers with transactions of their own.
const SQL_WRITERS: u64 = 16;
/// Writers through the store, beside them; the others have as many that commit at once.
const WRITERS: u64 = 16;

/// What became of the events.
struct Found {
    events: usize,
    lost: usize,
    twice: usize,
}

impl Found {
    fn text(&self) -> String {
        format!(
            "{} lost, {} twice of {}",
            self.lost, self.twice, self.events
        )
    }

    fn bad(&self) -> usize {
        self.lost + self.twice
    }
}

/// One after the other; each has the machine for itself.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let time = Duration::from_secs(if lab.long { 120 } else { 8 });
    let mut all = vec![
        contenders::store(&lab.postgres).await?,
        contenders::plain(&lab.postgres).await?,
    ];
    all.extend(contenders::message_db(lab, &lab.postgres).await?);
    let mut found = Vec::new();
    for contender in all {
        eprintln!("  {} for {} s", contender.name, time.as_secs());
        let result = one(&contender, time).await?;
        let dense = contender.dense().await?;
        found.push((contender.name, result, dense));
        contender.close().await;
    }
    let (_, ours, dense) = &found[0];
    let others: Vec<String> = found[1..]
        .iter()
        .map(|(name, found, _)| format!("{name} {}", found.text()))
        .collect();
    let rounds: Vec<_> = found
        .iter()
        .map(|(name, found, _)| {
            json!({ "who": name, "events": found.events, "lost": found.lost, "twice": found.twice })
        })
        .collect();
    Ok(vec![
        Row::new(
            "no_loss",
            format!(
                "a tail, {} writers, open and rolled back transactions",
                WRITERS + SQL_WRITERS
            ),
            ours.text(),
        )
        .against(others.join("; "))
        .goal(ours.bad() as f64, Goal::AtMost(0.0))
        .rounds(json!(rounds))
        .wrong((!dense).then(|| "positions or versions have gaps".to_owned())),
    ])
}

async fn one(contender: &Contender, time: Duration) -> Result<Found> {
    let table = match contender.target {
        Target::Plain(_) => {
            "select position from naive.events where position > $1 order by 1 limit $2"
        }
        Target::MessageDb(_) => {
            "select global_position from message_store.messages where global_position > $1 order by 1 limit $2"
        }
        _ => "select position from highwater.events where position > $1 order by 1 limit $2",
    };
    let over = Arc::new(AtomicBool::new(false));
    let tail = {
        let connection = PgConnection::connect(&contender.url).await?;
        let over = Arc::clone(&over);
        follow(connection, table, over)
    };
    let mut writing = JoinSet::new();
    let until = Instant::now() + time;
    for number in 0..WRITERS {
        // Across categories: Message DB keeps its order within one.
        let mut events = Events::new(&format!("c{}", number % 8), format_args!("w{number}"));
        let mut writer = Writer::new(&contender.target, (WRITERS + SQL_WRITERS) as usize).await?;
        writing.spawn(async move {
            while Instant::now() < until {
                writer.append(events.next()).await?;
            }
            anyhow::Ok(())
        });
    }
    for number in 0..SQL_WRITERS {
        let connection = PgConnection::connect(&contender.url).await?;
        let insert = match contender.target {
            Target::Plain(_) => {
                "insert into naive.events (stream, version, event_id, type, data) values ($1, $2, gen_random_uuid(), 'Written', '{}')"
            }
            Target::MessageDb(_) => {
                "select message_store.write_message(gen_random_uuid()::varchar, $1::varchar, 'Written', '{}', null, $2 - 1)"
            }
            _ => r#"select highwater.append($1, $2 - 1, '[{"type": "Written", "data": {}}]')"#,
        };
        writing.spawn(in_transactions(connection, insert, number, until));
    }
    let watching = async {
        while let Some(done) = writing.join_next().await {
            done??;
        }
        over.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let (seen, ()) = tokio::try_join!(tail, watching)?;
    let there: Vec<i64> = sqlx::query_scalar(table)
        .bind(0_i64)
        .bind(i64::MAX)
        .fetch_all(&contender.pool)
        .await?;
    let distinct: HashSet<i64> = seen.iter().copied().collect();
    Ok(Found {
        events: there.len(),
        lost: there.iter().filter(|at| !distinct.contains(at)).count(),
        twice: seen.len() - distinct.len(),
    })
}

/// Reads whatever is behind the last position that it saw, until nobody writes and nothing more comes.
async fn follow(
    mut connection: PgConnection,
    table: &'static str,
    over: Arc<AtomicBool>,
) -> Result<Vec<i64>> {
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let ending = over.load(Ordering::Relaxed);
        let last = seen.last().copied().unwrap_or(0);
        let next: Vec<i64> = sqlx::query_scalar(table)
            .bind(last)
            .bind(1_000_i64)
            .fetch_all(&mut connection)
            .await?;
        if next.is_empty() {
            if ending {
                return Ok(seen);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if next.windows(2).any(|pair| pair[0] >= pair[1]) {
            bail!("positions came out of order");
        }
        seen.extend(next);
    }
}

/// A transaction an event: some stay open for a few milliseconds, some roll back.
async fn in_transactions(
    mut connection: PgConnection,
    insert: &'static str,
    number: u64,
    until: Instant,
) -> Result<()> {
    let stream = format!("c{}-sql{number}", number % 8);
    let (mut version, mut chance) = (0_i64, number);
    if insert.contains("write_message") {
        sqlx::query("set search_path = message_store")
            .execute(&mut connection)
            .await?;
    }
    while Instant::now() < until {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let dice = chance >> 33;
        let mut transaction = connection.begin().await?;
        sqlx::query(insert)
            .bind(&stream)
            .bind(version)
            .execute(&mut *transaction)
            .await?;
        tokio::time::sleep(Duration::from_micros(dice % 8_000)).await;
        if dice.is_multiple_of(10) {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
            version += 1;
        }
    }
    Ok(())
}
