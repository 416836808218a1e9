//! What a call asks for: a path and its query.

use std::fmt;

/// A path with its query string.
pub(super) struct Query(pub(super) String);

impl Query {
    pub(super) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&escape(value));
        }
    }

    pub(super) fn number(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.text(name, &value.to_string());
        }
    }
}

/// Percent-encodes everything but unreserved characters, so that a stream's name is one path segment whatever it holds.
pub fn escape(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streams_name_is_one_path_segment_whatever_it_holds() {
        assert_eq!(escape("order-1/2 %ü"), "order-1%2F2%20%25%C3%BC");
    }

    #[test]
    fn a_query_leaves_out_what_was_not_asked_for() {
        let mut query = Query::new("/api/events");
        query.number("after", None);
        query.text("filter", "");
        query.number("limit", Some(5));
        query.text("filter", "a b");
        assert_eq!(query.0, "/api/events?limit=5&filter=a%20b");
    }
}
