//! Faults at random, again and again.
//!
//! `HIGHWATER_FAULT_RUNS` says how many of each (20 unless given, fewer of those that take seconds); `HIGHWATER_FAULT_SEED` which ones: a failure names its seed.

mod clock;
mod full_disk;
mod killed;
mod killed_import;
mod killed_postgres;
mod killed_promotion;
mod killed_rebuild;
mod namespace;
mod network;
mod rebuilding;
mod refusing;
mod upgrade;

use std::time::Duration;

use highwater_store::Ids;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api_writer::{self, Target};
use crate::ledger::Ledger;
use crate::support::api::{Api, ask};

/// Writers at work while something breaks.
const WRITERS: usize = 4;
/// Appends of each.
const APPENDS: usize = 8;

/// Counts what each writer has written.
const COUNTS: &str = "-- highwater: events Written
-- highwater: tables
create table counts (by text primary key, events bigint not null);
-- highwater: slice
insert into counts select data->>'by', count(*) from events group by 1
on conflict (by) do update set events = counts.events + excluded.events;
";

/// How often each fault is caused.
fn runs() -> usize {
    runs_or(20)
}

/// How often one is caused that takes seconds.
fn runs_or(few: usize) -> usize {
    let given = std::env::var("HIGHWATER_FAULT_RUNS").ok();
    given.map_or(few, |runs| {
        runs.parse().expect("HIGHWATER_FAULT_RUNS is a number")
    })
}

/// Says why a fault can't be caused on this machine: a test that is left out is not one that passed.
fn not_possible_here(why: &str) {
    eprintln!("NOT POSSIBLE HERE, and left out: {why}");
}

/// Chance that can be repeated.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let given = std::env::var("HIGHWATER_FAULT_SEED").ok();
        let seed = given.map_or_else(
            || Ids.random().as_u64_pair().0,
            |seed| seed.parse().expect("HIGHWATER_FAULT_SEED is a number"),
        );
        eprintln!("HIGHWATER_FAULT_SEED={seed}");
        Self(seed)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    async fn pause(&mut self, below_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(below_ms))).await;
    }

    /// Waits for a part of this time: for the same part by the same seed, however long it is.
    async fn pause_within(&mut self, whole_ms: u64) {
        let ms = whole_ms * self.below(1_000) / 1_000;
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// How long something took, in milliseconds.
fn ms_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap()
}

/// Writers of their own streams, named after the run.
fn writers(servers: &[Api], run: usize, ledger: &Ledger) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let target = Target::Own(format!("run-{run}-{number}"));
        writers.spawn(api_writer::write(
            servers.to_vec(),
            target,
            APPENDS,
            ledger.clone(),
        ));
    }
    writers
}

async fn done(mut writers: JoinSet<()>) {
    let all = async {
        while let Some(written) = writers.join_next().await {
            written.unwrap();
        }
    };
    let answered = tokio::time::timeout(Duration::from_mins(2), all).await;
    answered.expect("writers get no answer any more");
}

async fn define_counts(api: &Api) {
    let put = api.request("PUT", "/api/read-models/counts").body(COUNTS);
    let (status, body) = ask(put).await.unwrap();
    assert!(status.is_success(), "{body}");
}

/// The read model has handled everything, and says what the log says.
async fn counts_are_right(api: &Api, database_url: &str) {
    let events = all_are_handled(api, database_url, "counts").await;
    let right = json!([{"by": "api", "events": events}]);
    assert_eq!(rows(api, "counts").await, right);
}

/// Waits until a read model has handled the log; how many events that has.
async fn all_are_handled(api: &Api, database_url: &str, name: &str) -> i64 {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let (events, head): (i64, i64) =
        sqlx::query_as("select count(*), max(position) from highwater.events")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    // A connection that was ended is met once.
    let wait = format!("/api/read-models/{name}?wait={head}&timeout=25");
    let waited = until("it is answered", async || found(api, &wait).await).await;
    assert_eq!(waited["handled"], true, "{waited}");
    events
}

/// The rows of a read model.
async fn rows(api: &Api, name: &str) -> Value {
    let path = format!("/api/read-models/{name}/rows");
    let page = until("it is answered", async || found(api, &path).await).await;
    page["rows"].clone()
}

async fn found(api: &Api, path: &str) -> Result<Value, String> {
    let (status, body) = ask(api.request("GET", path)).await.unwrap();
    let is_found = status.is_success();
    is_found.then(|| body.clone()).ok_or(body.to_string())
}

/// Asks until it is so.
async fn until<T>(what: &str, mut is_so: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut last = String::new();
    for _ in 0..400 {
        match is_so().await {
            Ok(so) => return so,
            Err(not_yet) => last = not_yet,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: {last}");
}
