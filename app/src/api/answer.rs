//! What a call of the API comes to: its answer, or why there is none.

use std::fmt;

use highwater_model::{Approval, Problem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::confirm;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ApiError {
    /// The server refused, and says why.
    Refused(Problem),
    /// It is no refusal, and there is no answer yet: the order waits for a second person.
    Waits(Box<Approval>),
    /// The server could not be reached.
    Unreachable(String),
    /// The answer is not what this version of the page understands.
    Unreadable(String),
}

impl ApiError {
    /// True when what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 404)
    }

    /// What a page says of an order that came to this: that nothing was changed, and why.
    pub fn nothing_changed(&self) -> String {
        match self {
            Self::Refused(problem) if problem.detail == confirm::UNCHANGED => self.to_string(),
            Self::Waits(_) => self.to_string(),
            _ => format!("{} {self}", confirm::UNCHANGED),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => f.write_str(&problem.detail),
            Self::Waits(approval) => write!(
                f,
                "Nothing was changed yet: this waits for a second person, as number {} of Approvals.",
                approval.id
            ),
            Self::Unreachable(why) => write!(
                f,
                "The server does not answer ({why}). Nothing is lost: what the log holds stays there."
            ),
            Self::Unreadable(why) => {
                write!(
                    f,
                    "The server's answer could not be read ({why}). Reload the page: it may be older than the server."
                )
            }
        }
    }
}

impl std::error::Error for ApiError {}

/// What a call of the API comes to.
pub type Answer<T> = Result<T, ApiError>;

pub(super) fn read<T: DeserializeOwned>(body: &str) -> Answer<T> {
    serde_json::from_str(body).map_err(|error| ApiError::Unreadable(error.to_string()))
}

/// The body of an answer that is not a refusal.
pub(super) fn accepted(answer: Result<(u16, String), String>) -> Answer<String> {
    let (status, body) = answer.map_err(ApiError::Unreachable)?;
    if status == 202
        && let Ok(approval) = serde_json::from_str(&body)
    {
        return Err(ApiError::Waits(approval));
    }
    if (200..300).contains(&status) {
        return Ok(body);
    }
    Err(serde_json::from_str(&body).map_or_else(
        |_| ApiError::Unreadable(format!("status {status} without an explanation")),
        ApiError::Refused,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_was_not_confirmed_says_once_that_nothing_was_changed() {
        let words = |detail: &str| {
            let problem = Problem::new(428, "kind", "Title", detail);
            ApiError::Refused(problem).nothing_changed()
        };
        assert_eq!(words(confirm::UNCHANGED), "Nothing was changed.");
        assert_eq!(words("It runs."), "Nothing was changed. It runs.");
    }

    #[test]
    fn an_order_that_waits_is_no_answer_and_no_refusal() {
        let waits = r#"{"id":7,"state":"open","asked_by":"ada","person":"ada","asked_at":"2026-01-01T14:02:00Z",
            "expires_at":"2026-01-02T14:02:00Z","method":"DELETE","path":"/api/subscriptions/mailer","subject":"mailer","needs":["operate"],
            "reason":null,"decided_by":null,"decided_at":null,"comment":null,"status":null,"said":null,"may_decide":false,"is_mine":true}"#;
        let error = accepted(Ok((202, waits.to_owned()))).unwrap_err();
        assert!(error.nothing_changed().contains("number 7"), "{error}");
        // Calls that begin a job may answer so, too.
        assert_eq!(accepted(Ok((202, "{}".to_owned()))), Ok("{}".to_owned()));
        assert_eq!(accepted(Ok((200, waits.to_owned()))), Ok(waits.to_owned()));
    }
}
