//! The live feed: `GET /api/live`, a WebSocket.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::response::Response;
use highwater_model::Problem;
use highwater_model::live::SUBPROTOCOL;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::live;
use crate::state::AppState;

/// A client says little: a subscription with a long filter line.
const MESSAGE_BYTES: usize = 16 << 10;
/// Of each connection, once for reading and once for writing: clients say little, and what they hear is shared and goes out whole. The
/// library's own 128 KiB would be half a gigabyte for 2,000 readers.
const BUFFER_BYTES: usize = 4 << 10;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(open))
}

/// The live feed (WebSocket, subprotocol `highwater.v1`): subscribe to events from a position on, or to the mark.
#[utoipa::path(get, path = "/api/live", security(("login" = ["read"]), ("login" = ["subscribe"]), ("login" = ["look"])), tag = "live",
    responses((status = 101, description = "The socket is open; see ClientMessage and ServerMessage"),
              (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 426, body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "too_many_sockets", body = Problem, content_type = "application/problem+json")))]
async fn open(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let upgrade = upgrade.map_err(|rejection| {
        ApiError(Problem::new(
            rejection.status().as_u16(),
            "upgrade_required",
            "This is a WebSocket",
            format!(
                "{}; connect with a WebSocket client and the subprotocol {SUBPROTOCOL}.",
                rejection.body_text()
            ),
        ))
    })?;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MESSAGE_BYTES)
        .max_frame_size(MESSAGE_BYTES)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES);
    let room = state.limits.socket()?;
    // A client that names no subprotocol is taken; one that names only others would misunderstand us.
    Ok(upgrade.on_upgrade(move |socket| async move {
        live::Connection::run(socket, state, caller).await;
        drop(room);
    }))
}
