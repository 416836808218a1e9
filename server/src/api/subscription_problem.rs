//! Where an error of a subscription becomes a problem.

use highwater_model::Problem;
use highwater_store::subscriptions::SubscriptionError;

use super::problem::ApiError;
use super::subscriptions::unknown;

impl From<SubscriptionError> for ApiError {
    fn from(error: SubscriptionError) -> Self {
        let detail = error.to_string();
        Self(match error {
            SubscriptionError::Filter(error) => return error.into(),
            SubscriptionError::Store(error) => return error.into(),
            SubscriptionError::Unknown { name } => return unknown(&name),
            SubscriptionError::Name(_) => {
                Problem::new(422, "bad_name", "The name is not right", detail)
            }
            SubscriptionError::Value(_) => Problem::new(
                422,
                "bad_subscription",
                "That can't be of a subscription",
                detail,
            ),
            SubscriptionError::Refused(_) => Problem::new(
                409,
                "refused",
                "The subscription is not where this order fits",
                detail,
            ),
            _ => {
                tracing::error!(error = %detail, "a request about subscriptions failed inside");
                super::problem::internal()
            }
        })
    }
}
