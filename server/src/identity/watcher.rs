//! Whoever watches goes on watching while the database does not answer, which is when the metrics are looked at: nobody can be asked
//! then whose a token is, so it is taken for whose it was.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use highwater_model::{Problem, Right};
use tokio::time::timeout;

use super::Gate;
use super::gate::bearer;
use super::secret;
use crate::caller::Caller;

/// How long it is taken for that. A token that was revoked is forgotten before (`watch.rs`), by a server that could learn of it.
const WATCHES: Duration = Duration::from_hours(1);
/// How long the database may take to say whose it is: a scrape has no more time than that for it.
const PATIENCE: Duration = Duration::from_secs(2);

impl Gate {
    /// As [`Gate::identify`], for a scrape: who was lately known as one who may watch may do that, and nothing else, when it can't be asked.
    pub(crate) async fn identify_watcher(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let Some(watcher) = self.known_watcher(headers) else {
            return self.identify(headers).await;
        };
        match timeout(PATIENCE, self.identify(headers)).await {
            Ok(Err(problem)) if problem.status == 503 => Ok(watcher),
            Ok(identified) => identified,
            Err(_) => Ok(watcher),
        }
    }

    fn known_watcher(&self, headers: &HeaderMap) -> Option<Caller> {
        let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let caller = self.known_within(&secret::hash(bearer(given)?), WATCHES)?;
        caller.may(Right::Watch).then(|| Caller {
            rights: Arc::from([Right::Watch]),
            ..caller
        })
    }
}
