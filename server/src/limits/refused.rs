//! Refusing a request whose body has not been read. A connection that is closed with bytes unread is reset, and the client would never
//! see why; so some of it is read, and thrown away.

use std::future::ready;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use highwater_model::Problem;
use tokio::time::timeout;

use crate::api::problem::ApiError;

/// How long the rest is read.
const DRAIN: Duration = Duration::from_secs(10);

/// Refuses at once, and then reads what still comes: a client that sees the refusal stops sending.
pub(crate) fn refuse(problem: Problem, body: Body) -> Response {
    let mut response = ApiError(problem).into_response();
    let said = std::mem::take(response.body_mut()).into_data_stream();
    let rest = stream::once(drain(body)).filter_map(|()| ready(None::<Result<Bytes, axum::Error>>));
    *response.body_mut() = Body::from_stream(said.chain(rest));
    response
}

/// Reads what comes, and throws it away.
async fn drain(body: Body) {
    let mut rest = body.into_data_stream();
    let reading = async { while let Some(Ok(_)) = rest.next().await {} };
    let _: Result<(), _> = timeout(DRAIN, reading).await;
}
