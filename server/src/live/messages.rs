//! What the server says, as frames.

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use highwater_model::live::ServerMessage;

/// A message of ours as text.
pub(super) fn text(message: &ServerMessage) -> Message {
    Message::Text(serde_json::to_string(message).unwrap_or_default().into())
}

/// Bytes that are known to be JSON as text.
pub(super) fn shared(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes) {
        Ok(text) => Message::Text(text),
        // serde_json writes UTF-8; should it ever not, an empty message is better than a broken frame.
        Err(_) => Message::Text(Utf8Bytes::from_static("{}")),
    }
}
