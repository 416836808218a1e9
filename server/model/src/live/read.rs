//! Reading what clients of the live feed say.

use serde_json::Value;

use super::{Acknowledge, ClientMessage, Subscribe, Unsubscribe};
use crate::Problem;

impl ClientMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// With what is wrong with one that can't be understood, and the feed that it was meant for.
    pub fn read(text: &str) -> Result<Self, (Option<u32>, Problem)> {
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
        Ok(Self::Subscribe(message))
    }
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
            let (found, problem) = ClientMessage::read(text).unwrap_err();
            assert_eq!(found, id, "{text}");
            assert_eq!(problem.kind, "bad_message");
        }
        assert!(
            ClientMessage::read(r#"{"subscribe":"events","id":1,"after":0,"filter":"type:A"}"#)
                .is_ok()
        );
        assert!(ClientMessage::read(r#"{"unsubscribe":1}"#).is_ok());
        assert!(
            ClientMessage::read(
                r#"{"subscribe":"subscription","id":1,"name":"a","member":"b","at_most":5}"#
            )
            .is_ok()
        );
        assert!(
            ClientMessage::read(
                r#"{"acknowledge":1,"positions":[4],"failed":[{"position":5,"error":"no"}]}"#
            )
            .is_ok()
        );
    }
}
