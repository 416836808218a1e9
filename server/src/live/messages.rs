//! Reading what clients say.

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use highwater_model::Problem;
use highwater_model::live::{ClientMessage, ServerMessage, Subscribe, Unsubscribe};
use serde_json::Value;

/// Reads a message; names what is wrong with one that can't be understood, and the feed that it was meant for.
pub(super) fn read(text: &str) -> Result<ClientMessage, (Option<u32>, Problem)> {
    let nonsense = |id, detail: String| {
        (
            id,
            Problem::new(400, "bad_message", "The message is not understood", detail),
        )
    };
    let value: Value = serde_json::from_str(text).map_err(|error| {
        nonsense(
            None,
            format!("This is no JSON: {error}. Say {{\"subscribe\": \"events\", \"id\": 1}}."),
        )
    })?;
    if value.get("unsubscribe").is_some() {
        let id = value
            .get("unsubscribe")
            .and_then(Value::as_u64)
            .and_then(|id| u32::try_from(id).ok());
        let message: Unsubscribe =
            serde_json::from_value(value).map_err(|error| nonsense(id, format!("{error}.")))?;
        return Ok(ClientMessage::Unsubscribe(message));
    }
    let id = value
        .get("id")
        .and_then(Value::as_u64)
        .and_then(|id| u32::try_from(id).ok());
    if value.get("subscribe").is_none() {
        return Err(nonsense(id, "It is neither a subscribe nor an unsubscribe. Say {\"subscribe\": \"events\", \"id\": 1}.".to_owned()));
    }
    let message: Subscribe =
        serde_json::from_value(value).map_err(|error| nonsense(id, format!("{error}.")))?;
    Ok(ClientMessage::Subscribe(message))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_answered_with_what_would_be_right() {
        for (text, id) in [
            ("hello", None),
            ("[]", None),
            (r#"{"id":3}"#, Some(3)),
            (r#"{"subscribe":"everything","id":4}"#, Some(4)),
            (r#"{"subscribe":"events","id":5,"color":"red"}"#, Some(5)),
            (r#"{"subscribe":"events","id":6,"after":"tail"}"#, Some(6)),
            (r#"{"unsubscribe":"all"}"#, None),
        ] {
            let (found, problem) = read(text).unwrap_err();
            assert_eq!(found, id, "{text}");
            assert_eq!(problem.kind, "bad_message");
        }
        assert!(read(r#"{"subscribe":"events","id":1,"after":0,"filter":"type:A"}"#).is_ok());
        assert!(read(r#"{"unsubscribe":1}"#).is_ok());
    }
}
