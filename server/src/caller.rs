//! Who calls, and what they may do. Every request passes here; what it needs is checked in `identity/check.rs`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use highwater_model::{Mask, Problem, Right, Role, Sight, WhoAmI};
use highwater_store::identity::SecretHash;
use highwater_store::read_models::Approved;
use jiff::Timestamp;

use crate::state::AppState;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their name, as the audit log will have it.
    pub name: Arc<str>,
    /// What a user is; none for programs, and before the login.
    pub role: Option<Role>,
    /// What they may do.
    pub rights: Arc<[Right]>,
    /// By what they are known.
    pub by: KnownBy,
    /// The recording that they may look at; all of the log, where there is none.
    pub film: Option<(Timestamp, Timestamp)>,
    /// What of events they may not see; of onlookers nothing beyond that they see headlines only.
    pub mask: Mask,
    /// That a second person has agreed to what they ask for.
    pub approved: Option<Approved>,
}

/// By what a caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// By nothing: nobody yet.
    Nothing,
    /// They are on this machine, and there is no login.
    Loopback,
    /// A browser's session.
    Session(SecretHash),
    /// A program's token.
    Token(SecretHash),
    /// A link that was shared.
    Share(SecretHash),
    /// They have asked for an order that a second person has agreed to.
    Approval,
}

/// Why it could not be found out who calls.
#[derive(Debug, Clone)]
pub struct NotIdentified(pub Problem);

impl Caller {
    /// Nobody yet.
    pub fn nobody() -> Self {
        Self {
            name: Arc::from("nobody"),
            role: None,
            rights: Arc::from([]),
            by: KnownBy::Nothing,
            film: None,
            mask: Mask::default(),
            approved: None,
        }
    }

    /// Whoever is on this machine, where there is no login.
    pub fn local() -> Self {
        Self {
            name: Arc::from("local"),
            role: Some(Role::Admin),
            rights: Arc::from(Right::ALL),
            by: KnownBy::Loopback,
            film: None,
            mask: Mask::default(),
            approved: None,
        }
    }

    /// Whether they may do this.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// How much they see of events.
    pub fn sight(&self) -> Sight {
        if !self.may(Right::Read) {
            Sight::Headlines
        } else if self.mask.is_empty() {
            Sight::Whole
        } else {
            Sight::Masked(self.mask.clone())
        }
    }

    /// As this server tells them who they are.
    pub fn who(&self, state: &AppState) -> WhoAmI {
        WhoAmI {
            login: state.gate.login(),
            provider: state
                .gate
                .provider()
                .map(|provider| provider.host().to_owned()),
            name: (self.by != KnownBy::Nothing).then(|| self.name.to_string()),
            role: self.role,
            rights: self.rights.to_vec(),
            environment: state.environment.clone(),
            approvals: state.approvals.is_some(),
        }
    }
}

/// Puts the [`Caller`] into the request, and [`NotIdentified`] where that failed.
pub async fn know_caller(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_scrape = request.uri().path() == "/metrics";
    let identified = if is_scrape {
        state.gate.identify_watcher(request.headers()).await
    } else {
        state.gate.identify(request.headers()).await
    };
    match identified {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
        }
        Err(problem) => {
            request.extensions_mut().insert(Caller::nobody());
            request.extensions_mut().insert(NotIdentified(problem));
        }
    }
    next.run(request).await
}
