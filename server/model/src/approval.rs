//! Orders that wait for a second person, where production asks for one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Right;

/// Where an order stands that needs a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// It waits: nothing has happened yet.
    Open,
    /// Somebody has approved it, and it is being carried out.
    CarryingOut,
    /// It was carried out.
    Done,
    /// It was approved, and then refused: nothing was changed.
    Failed,
    /// It was approved, and how it ended is not known: the server died meanwhile. It is not carried out again.
    Unknown,
    /// Somebody has declined it.
    Declined,
    /// Whoever asked no longer wants it.
    Withdrawn,
    /// Nobody has decided in time.
    Expired,
}

impl ApprovalState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::CarryingOut,
        Self::Done,
        Self::Failed,
        Self::Unknown,
        Self::Declined,
        Self::Withdrawn,
        Self::Expired,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::CarryingOut => "carrying_out",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// The state that is written so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "waits",
            Self::CarryingOut => "is carried out",
            Self::Done => "done",
            Self::Failed => "approved, then refused",
            Self::Unknown => "outcome unknown",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing more becomes of it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Open | Self::CarryingOut)
    }
}

/// An order that needs a second person: `GET /api/approvals`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approval {
    /// Its number.
    pub id: i64,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who gave the order, as the audit log has it: a user, or `token:NAME`.
    pub asked_by: String,
    /// The user behind it, who can't approve it: of a token who made it.
    pub person: String,
    /// When the order was given.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub asked_at: Timestamp,
    /// Until when it can be approved.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// The call, with its query.
    pub path: String,
    /// What was sent along: JSON, or the text of a definition. None where that was nothing, or may quote what this caller may not see, and in a
    /// list once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The name that was typed: of what the order acts on.
    pub subject: String,
    /// The order needs one of these rights, and so does whoever approves it.
    pub needs: Vec<Right>,
    /// Why it is wanted.
    pub reason: Option<String>,
    /// Who approved, declined or withdrew it.
    pub decided_by: Option<String>,
    /// When that was.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub decided_at: Option<Timestamp>,
    /// What they said to it.
    pub comment: Option<String>,
    /// The status that the order was answered with.
    pub status: Option<u16>,
    /// Why the order was refused.
    pub said: Option<String>,
    /// This caller may approve or decline it now.
    pub may_decide: bool,
    /// This caller has asked for it.
    pub is_mine: bool,
}

impl Approval {
    /// The parts of its path.
    fn parts(&self) -> Vec<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/api/").unwrap_or(path);
        path.split('/').collect()
    }

    /// What carrying it out does, in words.
    pub fn words(&self) -> String {
        let of = &self.subject;
        match (self.method.as_str(), self.parts().as_slice()) {
            ("POST", ["read-models", _, "promote"]) => {
                format!("Promote the rebuild of {of}: readers see its rows from then on")
            }
            ("POST", ["read-models", _, "go-back"]) => {
                format!("Go back to the version of {of} before: readers see its rows again")
            }
            ("POST", ["read-models", _, "discard"]) => {
                format!("Discard a version of {of}: its rows are gone")
            }
            ("POST", ["read-models", _, "replay"]) => {
                format!("Replay {of}: its handler gets events again")
            }
            ("POST", ["read-models", _, "rebuild-part"]) => {
                format!("Rebuild a part of {of} in place")
            }
            ("POST", ["read-models", _, "failures", position, "skip"]) => {
                format!("Skip event {position} in {of}: its rows go on without it")
            }
            ("PUT", ["read-models", _]) => format!("Write the definition of {of}"),
            ("POST", ["subscriptions", _, "parked", "drop"]) => {
                format!("Drop parked events of {of}: its members never handle them")
            }
            ("DELETE", ["subscriptions", _]) => {
                format!("Remove the subscription {of}: its checkpoint is gone")
            }
            ("POST", ["subscriptions", _, "replay"]) => {
                format!("Replay {of}: its members are given events again")
            }
            ("POST", ["subscriptions", _, "skip"]) => {
                format!("Skip events in {of}: its members are never given them")
            }
            ("PUT", ["state-definitions", _]) => format!("Write the state definition of {of}"),
            ("DELETE", ["state-definitions", _]) => format!("Remove the state definition of {of}"),
            ("DELETE", ["alert-rules", _]) => format!("Remove the alert rule {of}"),
            ("DELETE", ["users", _]) => format!("Remove the user {of}"),
            ("POST", ["users", _, "invite"]) => {
                format!("Have {of} choose a password anew: sessions end, the link is shown to you")
            }
            ("DELETE", ["tokens", _]) => format!("Revoke token {of}"),
            ("POST", ["demo", "scenarios", _, "play"]) => format!("Play the scenario {of}"),
            (method, _) => format!("{method} {}", self.path),
        }
    }

    /// The page of the console that shows what it acts on.
    pub fn page(&self) -> Option<String> {
        match self.parts().as_slice() {
            [kind @ ("read-models" | "subscriptions"), name, ..] => Some(format!("/{kind}/{name}")),
            ["alert-rules", ..] => Some("/alerts".to_owned()),
            ["users" | "tokens", ..] => Some("/access".to_owned()),
            _ => None,
        }
    }
}

/// What somebody says who decides: `POST /api/approvals/{id}/approve`, `…/decline`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecideBody {
    /// Why; the audit log keeps it.
    #[serde(default)]
    pub comment: Option<String>,
}

/// What became of an order that was approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CarriedOut {
    /// As it is now.
    pub approval: Approval,
    /// What the order was answered, told this once; none where that was nothing, or where they who asked see more of events than this caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(method: &str, path: &str) -> Approval {
        let at: Timestamp = "2026-01-01T14:02:00Z".parse().unwrap();
        Approval {
            id: 1,
            state: ApprovalState::Open,
            asked_by: "ada".to_owned(),
            person: "ada".to_owned(),
            asked_at: at,
            expires_at: at,
            method: method.to_owned(),
            path: path.to_owned(),
            body: None,
            subject: "größe".to_owned(),
            needs: vec![Right::Operate],
            reason: None,
            decided_by: None,
            decided_at: None,
            comment: None,
            status: None,
            said: None,
            may_decide: false,
            is_mine: false,
        }
    }

    #[test]
    fn an_order_says_what_it_does_and_where_that_is_seen() {
        let skip = approval("POST", "/api/read-models/gr%C3%B6%C3%9Fe/failures/7/skip");
        assert_eq!(
            skip.words(),
            "Skip event 7 in größe: its rows go on without it"
        );
        assert_eq!(skip.page().as_deref(), Some("/read-models/gr%C3%B6%C3%9Fe"));
        let remove = approval("DELETE", "/api/subscriptions/a?reason=unused");
        assert!(remove.words().starts_with("Remove the subscription größe"));
        assert_eq!(remove.page().as_deref(), Some("/subscriptions/a"));
        let other = approval("POST", "/api/x?y=1");
        assert_eq!(
            (other.words().as_str(), other.page()),
            ("POST /api/x?y=1", None)
        );
    }

    #[test]
    fn names_lead_back() {
        for state in ApprovalState::ALL {
            assert_eq!(ApprovalState::named(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
