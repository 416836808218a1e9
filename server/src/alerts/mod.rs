//! Alerts, as far as this server has a part in them: it looks after the rules when no other does (`highwater_engine::alerts` decides), and
//! tells webhooks what is new ([`webhook`]).

mod sources;
mod tell;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use highwater_engine::alerts::{AlertOptions, AlertRounds};
use highwater_store::Tasks;
use tokio::sync::Notify;

use crate::state::AppState;
use sources::Sources;
use webhook::Webhooks;

/// How often the rules are looked after.
const EVERY: Duration = Duration::from_secs(5);

/// How this server looks after alerts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alerts {
    source: Arc<str>,
    every: Duration,
    webhooks: Arc<Webhooks>,
    /// There is something to tell.
    news: Arc<Notify>,
}

impl Alerts {
    /// Of a server that is found here: `https://highwater.example`.
    pub fn of(source: &str) -> Self {
        Self {
            source: Arc::from(source),
            every: EVERY,
            webhooks: Arc::default(),
            news: Arc::default(),
        }
    }

    /// The same, and the rules are looked after so often.
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// Where the server is.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// How webhooks are told.
    pub(crate) fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }
}

/// Looks after the rules and tells of what fires, for as long as the server runs.
pub fn start(state: &AppState, tasks: &Tasks) {
    let alerts = state.alerts.clone();
    let options = AlertOptions {
        every: alerts.every,
        source: alerts.source.to_string(),
    };
    let rounds = AlertRounds::new(state.store.clone(), Sources(state.clone()), options);
    let news = Arc::clone(&alerts.news);
    tasks.spawn(
        "alerts",
        rounds.run(tasks.token(), move || news.notify_one()),
    );
    let telling = tell::run(
        state.store.clone(),
        alerts.webhooks,
        alerts.news,
        tasks.token(),
    );
    tasks.spawn("alerts: webhooks", telling);
}
