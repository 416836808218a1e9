//! Readers that check each step: over the WebSocket, and by polling. When its server ends, a reader goes on at the next one from
//! where it stands.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Error;
use uuid::Uuid;

use crate::support::api::{Api, ask};
use crate::support::socket;

/// How long a reader waits before it tries again, and how often a polling one looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Says where the log ends, once every writer is done.
pub(crate) type End = watch::Receiver<Option<i64>>;

/// A reader and what it has seen.
pub(crate) struct Reader {
    servers: Vec<Api>,
    end: End,
    seen: Vec<(i64, Uuid)>,
}

impl Reader {
    /// A reader from the beginning of the log, at the first of these servers.
    pub(crate) fn new(servers: Vec<Api>, end: End) -> Self {
        Self {
            servers,
            end,
            seen: Vec::new(),
        }
    }

    /// Follows the live feed to the end of the log.
    pub(crate) async fn follow(mut self) -> Vec<(i64, Uuid)> {
        while !self.is_done() {
            // A connection that broke is a new one at the next server.
            let _: Result<(), Error> = self.listen().await;
            self.servers.rotate_left(1);
            tokio::time::sleep(PAUSE).await;
        }
        self.seen
    }

    /// Polls the log to its end.
    pub(crate) async fn poll(mut self) -> Vec<(i64, Uuid)> {
        while !self.is_done() {
            let path = format!("/api/events?limit=200&after={}", self.at());
            match ask(self.servers[0].request("GET", &path)).await {
                Ok((status, page)) if status.is_success() => self.take(&page),
                // Its server has ended, or its database connection has.
                refused => {
                    check_refusal(refused.ok().map(|(_, problem)| problem).as_ref());
                    self.servers.rotate_left(1);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.seen
    }

    async fn listen(&mut self) -> Result<(), Error> {
        let mut socket = socket::open(&self.servers[0].address).await?;
        let subscribe = json!({"subscribe": "events", "id": 1, "after": self.at()});
        socket::say(&mut socket, &subscribe).await?;
        while !self.is_done() {
            let heard = tokio::select! {
                heard = socket::hear(&mut socket) => heard?,
                _ = self.end.changed() => continue,
            };
            let Some(message) = heard else { return Ok(()) };
            assert!(message.get("gap").is_none(), "it was quick: {message}");
            if let Some(problem) = message.get("error") {
                check_refusal(Some(problem));
                return Ok(());
            }
            self.take(&message);
        }
        Ok(())
    }

    fn take(&mut self, page: &Value) {
        for event in page["events"].as_array().into_iter().flatten() {
            let position = event["position"].as_i64().unwrap();
            let expected = self.at() + 1;
            assert_eq!(position, expected, "an event was skipped, or came again");
            let id = event["id"].as_str().unwrap().parse().unwrap();
            self.seen.push((position, id));
        }
    }

    fn at(&self) -> i64 {
        self.seen.last().map_or(0, |(position, _)| *position)
    }

    fn is_done(&self) -> bool {
        self.end.borrow().is_some_and(|end| self.at() >= end)
    }
}

/// A reader is refused only while the database is away; anything else is a bug.
fn check_refusal(problem: Option<&Value>) {
    if let Some(problem) = problem {
        assert_eq!(problem["status"], 503, "{problem}");
    }
}
