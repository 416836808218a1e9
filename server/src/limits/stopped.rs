//! Bodies that stop coming. Calls that answer at once have a time-out in all; those that last are ended when nothing comes.

use std::error::Error;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use highwater_model::Problem;
use tower_http::timeout::{TimeoutBody, TimeoutError};

use crate::state::AppState;

/// Ends a body of which nothing comes.
pub(crate) async fn patiently(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let pause = state.limits.body_pause;
    let request = request.map(|body| Body::new(TimeoutBody::new(pause, body)));
    next.run(request).await
}

/// Whether this is why a body could not be read.
pub(crate) fn has_stopped(error: &(dyn Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(error) = at {
        if error.is::<TimeoutError>() {
            return true;
        }
        at = error.source();
    }
    false
}

/// The refusal.
pub(crate) fn body_stopped() -> Problem {
    Problem::new(
        408,
        "body_stopped",
        "The body stopped coming",
        "Nothing more of the request's body came for a while, so it was given up; send it again, without long pauses.",
    )
}
