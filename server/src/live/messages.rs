//! Reading what clients say.

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use highwater_model::Problem;
use highwater_model::live::{Acknowledge, ClientMessage, ServerMessage, Subscribe, Unsubscribe};
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
    for (word, read) in [
        ("unsubscribe", unsubscribe as fn(Value) -> _),
        ("acknowledge", acknowledge),
    ] {
        if value.get(word).is_some() {
            let id = number(&value, word);
            return read(value).map_err(|error| nonsense(id, format!("{error}.")));
        }
    }
    let id = number(&value, "id");
    if value.get("subscribe").is_none() {
        return Err(nonsense(id, "It is neither a subscribe, nor an unsubscribe, nor an acknowledge. Say {\"subscribe\": \"events\", \"id\": 1}.".to_owned()));
    }
    let message: Subscribe =
        serde_json::from_value(value).map_err(|error| nonsense(id, format!("{error}.")))?;
    Ok(ClientMessage::Subscribe(message))
}

fn number(value: &Value, name: &str) -> Option<u32> {
    let number = value.get(name).and_then(Value::as_u64)?;
    u32::try_from(number).ok()
}

fn unsubscribe(value: Value) -> serde_json::Result<ClientMessage> {
    serde_json::from_value::<Unsubscribe>(value).map(ClientMessage::Unsubscribe)
}

fn acknowledge(value: Value) -> serde_json::Result<ClientMessage> {
    serde_json::from_value::<Acknowledge>(value).map(ClientMessage::Acknowledge)
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
            (r#"{"acknowledge":7,"position":3}"#, Some(7)),
            (r#"{"acknowledge":8,"positions":"all"}"#, Some(8)),
        ] {
            let (found, problem) = read(text).unwrap_err();
            assert_eq!(found, id, "{text}");
            assert_eq!(problem.kind, "bad_message");
        }
        assert!(read(r#"{"subscribe":"events","id":1,"after":0,"filter":"type:A"}"#).is_ok());
        assert!(read(r#"{"unsubscribe":1}"#).is_ok());
        assert!(
            read(r#"{"subscribe":"subscription","id":1,"name":"a","member":"b","at_most":5}"#)
                .is_ok()
        );
        assert!(
            read(r#"{"acknowledge":1,"positions":[4],"failed":[{"position":5,"error":"no"}]}"#)
                .is_ok()
        );
    }
}
