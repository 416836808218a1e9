//! A server that is killed while it promotes what was rebuilt, or right after.

use serde_json::Value;
use tokio::time::Instant;

use super::rebuilding::{
    accepted, cut_off, define, fill, job_of, newest_id, nothing_is_left, order_promotion,
    order_rebuild, over, roles, rows_are_right, settled,
};
use super::{Chance, done, found, ms_since, runs, until, writers};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::Server;
use crate::support::api::Api;
use crate::support::database;

/// Read models that take turns: what was promoted is looked after for some seconds, and until then nothing else is ordered of it.
const MODELS: usize = 6;

/// A read model, the definition that made its live rows, and its last promotion.
struct Turn {
    name: String,
    made: usize,
    promotion: Option<Value>,
}

impl Turn {
    async fn new(api: &Api, number: usize) -> Self {
        let name = format!("counts_{number}");
        define(api, &name, 0).await;
        Self {
            name,
            made: 0,
            promotion: None,
        }
    }

    /// Builds another definition, and compares it.
    async fn build(&self, api: &Api, made: usize) {
        define(api, &self.name, made).await;
        let job = accepted(order_rebuild(api, &self.name).await);
        let job = over(api, &job).await;
        assert_eq!(job["state"], "done", "{job}");
        let diff = format!("/api/read-models/{}/diff", self.name);
        until("they are compared", async || found(api, &diff).await).await;
    }

    /// The last promotion was looked after, and its job says so.
    async fn is_verified(&mut self, api: &Api) {
        let Some(job) = self.promotion.take() else {
            return;
        };
        let job = over(api, &job).await;
        assert_eq!(job["state"], "done", "{job}");
        let outcome = job["outcome"].as_str().unwrap();
        assert!(outcome.starts_with("verified: it is live"), "{job}");
    }
}

#[tokio::test]
async fn a_promotion_whose_server_is_killed_at_any_moment_is_whole_or_can_be_ordered_again() {
    let database_url = database::create().await;
    let other = Server::start(&database_url).await;
    let api = &other.api;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    fill(api, &ledger).await;
    let mut turns = Vec::new();
    for number in 0..MODELS {
        turns.push(Turn::new(api, number).await);
    }
    turns[0].build(api, 1).await;
    let began = Instant::now();
    let promotion = accepted(order_promotion(api, &turns[0].name).await);
    // Twice the time that it takes: the runners change over when it is answered.
    let took = 2 * ms_since(began);
    (turns[0].made, turns[0].promotion) = (1, Some(promotion));

    for run in 0..runs() {
        let (turn, made) = (&mut turns[(run + 1) % MODELS], run + 2);
        turn.is_verified(api).await;
        let before = newest_id(api, &turn.name, "promote").await;
        let (mut killed, ()) = tokio::join!(Server::start(&database_url), turn.build(api, made));
        let writing = writers(&[killed.api.clone(), api.clone()], run, &ledger);
        let (at, name) = (killed.api.clone(), turn.name.clone());
        let order = async move { order_promotion(&at, &name).await };
        let answered = cut_off(&mut killed, order, &mut chance, took).await;
        settled(&database_url, &turn.name).await;
        let begun = job_of(answered, api, &turn.name, "promote", &before).await;
        done(writing).await;
        let job = if let Some(job) = begun {
            job
        } else {
            let roles = roles(api, &turn.name).await;
            let first = roles.iter().take(2);
            assert!(first.eq(["live", "shadow"]), "it is not there: {roles:?}");
            rows_are_right(api, &database_url, &turn.name, turn.made).await;
            accepted(order_promotion(api, &turn.name).await)
        };
        assert_eq!(roles(api, &turn.name).await, ["live", "previous"]);
        rows_are_right(api, &database_url, &turn.name, made).await;
        turn.made = made;
        turn.promotion = Some(job);
    }

    for turn in &mut turns {
        turn.is_verified(api).await;
    }
    ledger.audit(&log::read(&database_url).await);
    assert_eq!(ledger.count(Fate::Unknown), 0);
    nothing_is_left(&database_url, 1).await;
}
