//! What clients of the live feed say.

use highwater_model::ClientMessage;

pub(crate) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"subscribe\":",
    "\"unsubscribe\":",
    "\"acknowledge\":",
    "\"id\":",
    "\"after\":",
    "\"filter\":",
    "\"positions\":",
    "\"failed\":",
    "\"position\":",
    "\"error\":",
    "\"name\":",
    "\"member\":",
    "\"at_most\":",
    "\"events\"",
    "\"subscription\"",
    "\"head\"",
    "\"a\"",
    "1",
    "-1",
    "4294967296",
    "9223372036854775808",
    "1e3",
    "null",
    "\"\\ud800\"",
];

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match ClientMessage::read(&text) {
        Ok(message) => {
            let written = serde_json::to_string(&message).unwrap_or_default();
            let again = ClientMessage::read(&written).ok();
            assert_eq!(again.as_ref(), Some(&message), "{written}");
            let client = serde_json::from_str::<ClientMessage>(&written).ok();
            assert_eq!(client, Some(message), "{written}");
        }
        Err((_, problem)) => {
            assert_eq!(problem.status, 400);
            assert!(problem.detail.ends_with('.'), "{text:?}: {problem}");
        }
    }
}
