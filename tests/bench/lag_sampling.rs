//! `lag_sampling`: what it costs to look once a second how far a hundred projections are behind, and to keep that.

use std::time::{Duration, Instant};

use anyhow::Result;
use highwater_model::filter::Glob;
use highwater_store::Store;
use serde_json::json;
use sqlx::PgPool;

use crate::contenders;
use crate::import::ours;
use crate::lab::Lab;
use crate::process::cpu_seconds;
use crate::report::{Row, short};
use crate::totals::{self, median};

const PROJECTIONS: usize = 100;
/// What they handle, in turns: one type, several, all.
const EVENTS: [&str; 4] = ["OrderPlaced", "Parcel*", "*", "PaymentTaken"];
const SECOND: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

/// Level with a log that moves, and behind by all of it.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let (count, samples) = if lab.long {
        (1_000_000, 600)
    } else {
        (200_000, 120)
    };
    let mut contender = contenders::store(&lab.postgres).await?;
    let store = ours(&contender)?.clone();
    eprintln!("  filling a log of {count} events");
    totals::fill(&store, count, 1_000).await?;
    contender.appended = count;
    for number in 0..PROJECTIONS {
        let events = Glob {
            parts: EVENTS[number % EVENTS.len()]
                .split('*')
                .map(str::to_owned)
                .collect(),
            quoted: false,
        };
        store
            .define_code(&format!("sampled_{number}"), &[events])
            .await?;
    }
    let mut rows = Vec::new();
    let mut wrong = None;
    let mut at = store.clock().now();
    for (how, behind) in [("20 events behind", 20), ("behind by the whole log", count)] {
        eprintln!("  {samples} samples, {how}");
        sqlx::query("update highwater.read_model_progress set state = 'live', checkpoint = $1")
            .bind((count - behind) as i64)
            .execute(&contender.pool)
            .await?;
        lab.postgres.settle().await?;
        let cpu = used(&contender.pool).await?;
        let mut times = Vec::new();
        for _ in 0..samples {
            at += SECOND;
            let began = Instant::now();
            let found = sample(&store, at).await?;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
            if found != PROJECTIONS {
                wrong = Some(format!("{found} of {PROJECTIONS} projections were sampled"));
            }
        }
        let cpu = (used(&contender.pool).await? - cpu) / f64::from(samples);
        times.sort_by(f64::total_cmp);
        let worst = times.last().copied().unwrap_or_default();
        rows.push(
            Row::new(
                "lag_sampling",
                format!("{PROJECTIONS} projections, {how}"),
                format!(
                    "{} ms a sample, {} % of a core",
                    short(median(&times)),
                    short(cpu * 100.0)
                ),
            )
            .rounds(json!({ "p50_ms": median(&times), "max_ms": worst, "cpu_ms": cpu * 1_000.0 })),
        );
    }
    let wrong = wrong.or(contender.check().await?);
    contender.close().await;
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).wrong(wrong);
    }
    Ok(rows)
}

/// One sample, as it is taken each second; answers how many projections it found.
async fn sample(store: &Store, at: jiff::Timestamp) -> Result<usize> {
    let samples = store.lag_samples(None).await?;
    store.keep_lag(at, &samples).await?;
    Ok(samples.len())
}

/// Processor time of this process and of the database's sessions.
async fn used(pool: &PgPool) -> Result<f64> {
    // What a session has done last is counted when it has nothing to do.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let sessions: Vec<i32> = sqlx::query_scalar(
        "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'",
    )
    .fetch_all(pool)
    .await?;
    let mut seconds = cpu_seconds(std::process::id())?;
    for session in sessions {
        // One that has ended meanwhile has nothing to say.
        seconds += cpu_seconds(session as u32).unwrap_or(0.0);
    }
    Ok(seconds)
}
