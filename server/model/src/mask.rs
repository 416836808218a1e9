//! Masked fields: what of events somebody may not see, though they see the rest.
//!
//! A rule says which field of which types is hidden, and from which role on it is seen. [`Mask`] is what one caller may not see; it masks
//! whatever the server answers: events, states, examples, and it knows by which filter lines somebody would guess.

mod json;
mod lines;
mod path;
mod rules;
mod states;
mod types;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use lines::HiddenTerm;
pub use path::MaskPath;
pub use rules::Mask;
pub use types::MaskTypes;

use crate::Role;
use crate::object::object_only;

/// What stands in the place of a value that is hidden.
pub const MASKED: &str = "•••";
/// What stands in the place of a text that may quote such a value.
pub const HIDDEN_TEXT: &str = "hidden: it may quote masked fields";

/// A rule: a field of events that not everybody sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MaskRule {
    /// Its number.
    pub id: i64,
    /// Of which types, as the filter line has them: `CustomerMoved`, `Customer*,Order*`, `*` for all.
    pub types: String,
    /// The field: `data.customer.email`, `metadata.ip`. Lists are passed through, `*` is any key, `data` alone is everything.
    pub path: String,
    /// The least role that sees it.
    pub visible_to: Role,
    /// Who made the rule.
    pub created_by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A rule to be: `POST /api/masking`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct MaskRuleBody {
    /// Of which types, as the filter line has them; `*` for all.
    pub types: String,
    /// The field.
    pub path: String,
    /// The least role that sees it: `operator`, `author` or `admin`.
    pub visible_to: Role,
    /// Why; the audit log keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    MaskRuleBody,
    "a rule: an object with types, path, visible_to and a reason"
);

/// A rule, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MaskRuleFound {
    /// The rule.
    #[serde(flatten)]
    pub rule: MaskRule,
    /// Types that the store knows and the rule means, by name, 100 at most.
    pub matches: Vec<String>,
}

/// A read model whose rows and errors hold nothing that is masked, as somebody has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MaskCleared {
    /// The read model.
    pub read_model: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// `GET /api/masking`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Masking {
    /// The rules, the oldest first.
    pub rules: Vec<MaskRuleFound>,
    /// Read models that are cleared, by name.
    pub cleared: Vec<MaskCleared>,
}

/// Why there can't be such a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MaskError {
    /// The field of the rule that is wrong.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl MaskError {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

impl MaskRuleBody {
    /// The least role that sees the field, if a rule can say so: viewers see whatever no rule hides.
    ///
    /// # Errors
    /// When no rule can.
    pub fn seen_from(&self) -> Result<Role, MaskError> {
        if self.visible_to == Role::Viewer {
            let message = "A viewer sees everything that no rule hides; visible_to is operator, author or admin.";
            return Err(MaskError::new("visible_to", message));
        }
        Ok(self.visible_to)
    }
}
