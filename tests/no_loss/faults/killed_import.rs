//! A server that is killed while an import goes on, which is then given to another one.

use std::collections::HashMap;
use std::process::Output;

use highwater_store::Ids;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Chance, counts_are_right, define_counts, done, ms_since, runs_or, writers};
use crate::import_file::{Events, end};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::Server;
use crate::support::database;

/// Lines of each file: some commits, and long enough that the server says how far it is.
const LINES: usize = 12_000;

/// A file, and the ids of its lines.
struct Import {
    ids: Vec<Uuid>,
    file: Events,
}

impl Import {
    fn new(name: &str) -> Self {
        let ids: Vec<Uuid> = (0..LINES).map(|_| Ids.event_id()).collect();
        let lines = ids.iter().enumerate().map(|(number, id)| {
            let stream = format!("import-{name}-{}", number % 7);
            json!({"stream": stream, "type": "Written", "id": id, "data": {"by": "api", "number": number}})
        });
        let file = Events::of(lines);
        Self { ids, file }
    }

    /// How many of its lines the log has.
    async fn kept(&self, database_url: &str) -> u64 {
        let mut connection = PgConnection::connect(database_url).await.unwrap();
        let kept: i64 =
            sqlx::query_scalar("select count(*) from highwater.events where event_id = any($1)")
                .bind(&self.ids)
                .fetch_one(&mut connection)
                .await
                .unwrap();
        kept.unsigned_abs()
    }
}

/// How many lines a client was told are recorded, as far as it heard.
fn told(output: &Output) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last();
    last.map_or(0, |line| {
        count(&serde_json::from_str(line).unwrap(), "imported")
    })
}

fn count(told: &Value, of: &str) -> u64 {
    told[of].as_u64().unwrap()
}

#[tokio::test]
async fn an_import_whose_server_is_killed_at_any_moment_is_whole_when_another_one_gets_it() {
    let database_url = database::create().await;
    let other = Server::start(&database_url).await;
    define_counts(&other.api).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let whole = Import::new("whole");
    // The kills are spread over the time that a whole one takes.
    let began = Instant::now();
    whole.file.import(&other).await;
    let took = ms_since(began);
    ledger.note(&whole.ids, Fate::Committed);
    let mut imports = vec![whole];

    let mut in_the_middle = 0;
    for run in 0..runs_or(6) {
        let import = Import::new(&run.to_string());
        let mut killed = Server::start(&database_url).await;
        let writing = writers(&[killed.api.clone(), other.api.clone()], run, &ledger);
        let client = import.file.start_import(&killed);
        chance.pause_within(took).await;
        killed.kill();
        let told = told(&end(client).await);
        let kept = import.kept(&database_url).await;
        assert!(kept >= told, "{told} were recorded, {kept} are there");
        in_the_middle += usize::from((1..LINES as u64).contains(&kept));
        // At once: the database may still be recording what it was sent last.
        let summary = import.file.import(&other).await;
        let (imported, skipped) = (count(&summary, "imported"), count(&summary, "skipped"));
        assert!(skipped >= kept, "{kept} were there: {summary}");
        assert_eq!(usize::try_from(imported + skipped).unwrap(), LINES);
        ledger.note(&import.ids, Fate::Committed);
        done(writing).await;
        imports.push(import);
    }
    eprintln!("{in_the_middle} imports were cut in their middle");

    let log = log::read(&database_url).await;
    ledger.audit(&log);
    assert_eq!(ledger.count(Fate::Unknown), 0);
    let places: HashMap<Uuid, i64> = log.iter().map(|(position, id)| (*id, *position)).collect();
    for import in &imports {
        let in_order = import.ids.iter().map(|id| places[id]).is_sorted();
        assert!(in_order, "its lines are in the log in their order");
    }
    counts_are_right(&other.api, &database_url).await;
}
