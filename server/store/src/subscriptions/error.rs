//! What can go wrong with subscriptions.

use highwater_model::SubscriptionNameError;
use highwater_model::filter::FilterError;

use crate::StoreError;

/// What went wrong with a subscription.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The name of it or of a member can't be used.
    #[error(transparent)]
    Name(#[from] SubscriptionNameError),
    /// The filter line can't be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// There is none of this name.
    #[error("there is no subscription {name}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A value that can't be.
    #[error("{0}")]
    Value(String),
    /// The order does not fit the state that the subscription is in.
    #[error("{0}")]
    Refused(String),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for SubscriptionError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        if matches!(code.as_deref(), Some("55P03" | "40P01")) {
            return Self::Refused(
                "others change the subscription just now; try again in a few seconds".to_owned(),
            );
        }
        Self::Store(error.into())
    }
}
