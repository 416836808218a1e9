//! CloudEvents 1.0 in JSON: `subject` is the stream, `correlationid` and `causationid` go into the metadata.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::ProposedEvent;

/// The attributes of a `CloudEvent`, each as the text that was sent: read as values, numbers would lose digits.
pub type CloudEventFields = BTreeMap<String, Box<RawValue>>;

/// A `CloudEvent` as an event of ours.
#[derive(Debug, Clone)]
pub struct CloudEvent {
    /// The stream that it says it belongs to.
    pub subject: Option<String>,
    /// What is appended. Extensions, and the attributes that describe `data`, are in its metadata.
    pub event: ProposedEvent,
}

/// What is wrong with a `CloudEvent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CloudEventError(String);

impl CloudEvent {
    /// Reads one.
    ///
    /// # Errors
    /// When it lacks something, or has something that is not taken here.
    pub fn read(mut fields: CloudEventFields) -> Result<Self, CloudEventError> {
        let specversion = required(&mut fields, "specversion")?;
        if specversion != "1.0" {
            return wrong(format!("specversion is {specversion}; 1.0 is understood"));
        }
        if fields.contains_key("data_base64") {
            return wrong("data_base64 is not taken; send data as JSON");
        }
        let data = fields.remove("data");
        let occurred_at = match text(&mut fields, "time")? {
            Some(time) => Some(
                time.parse::<Timestamp>()
                    .or_else(|error| wrong(format!("time: {error}")))?,
            ),
            None => None,
        };
        let subject = text(&mut fields, "subject")?;
        let id = required(&mut fields, "id")?;
        let source = required(&mut fields, "source")?;
        let event_type = required(&mut fields, "type")?;
        let Ok(id) = id.parse::<Uuid>() else {
            return wrong(format!("its id is {id}; ids are UUIDs here"));
        };
        for (from, to) in [
            ("correlationid", "correlation_id"),
            ("causationid", "causation_id"),
        ] {
            if let Some(id) = fields.remove(from) {
                fields.insert(to.to_owned(), id);
            }
        }
        fields.insert("source".to_owned(), raw(&source)?);
        Ok(Self {
            subject,
            event: ProposedEvent {
                event_type,
                data: data.unwrap_or_else(|| RawValue::NULL.to_owned()),
                id: Some(id),
                occurred_at,
                metadata: Some(raw(&fields)?),
            },
        })
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, CloudEventError> {
    Err(CloudEventError(what.into()))
}

/// Takes a text out, if there is one.
fn text(fields: &mut CloudEventFields, name: &str) -> Result<Option<String>, CloudEventError> {
    let Some(json) = fields.remove(name) else {
        return Ok(None);
    };
    match serde_json::from_str::<String>(json.get()) {
        Ok(text) if !text.is_empty() => Ok(Some(text)),
        _ => wrong(format!("{name} is a text that is not empty")),
    }
}

fn required(fields: &mut CloudEventFields, name: &str) -> Result<String, CloudEventError> {
    match text(fields, name)? {
        Some(text) => Ok(text),
        None => wrong(format!("it has no {name}")),
    }
}

fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, CloudEventError> {
    to_raw_value(value).or_else(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<CloudEvent, CloudEventError> {
        CloudEvent::read(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn numbers_keep_their_digits() {
        let found = read(
            r#"{"specversion":"1.0","id":"01890000-0000-7000-8000-000000000002","source":"/shop","type":"Paid",
                "data":{"cents": 12345678901234567890123.10, "of": 1e400},"rate":0.10}"#,
        )
        .unwrap();
        assert_eq!(
            found.event.data.get(),
            r#"{"cents": 12345678901234567890123.10, "of": 1e400}"#
        );
        assert_eq!(
            found.event.metadata.unwrap().get(),
            r#"{"rate":0.10,"source":"/shop"}"#
        );
        assert_eq!(found.subject, None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let whole = r#"{"specversion":"1.0","id":"01890000-0000-7000-8000-000000000002","source":"/shop","type":"Paid","subject":"payment-1","time":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(read(whole).unwrap().event.data.get(), "null");
        for (from, to, says) in [
            ("\"1.0\"", "\"0.3\"", "1.0 is understood"),
            ("\"/shop\"", "7", "source is a text"),
            ("\"Paid\"", "\"\"", "type is a text"),
            ("\"Paid\"", "\"\\ud800\"", "type is a text"),
            ("\"type\"", "\"kind\"", "it has no type"),
            ("\"payment-1\"", "null", "subject is a text"),
            ("01890000-0000", "order", "ids are UUIDs"),
            ("2026-01-01T", "yesterday ", "time: "),
            ("\"time\"", "\"data_base64\"", "send data as JSON"),
        ] {
            let error = read(&whole.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(says), "{from} to {to}: {error}");
        }
    }
}
