//! What could be typed next.

use super::parse::split_key;

/// What could be typed at a place in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Byte offset where the replaced text begins; it ends at the cursor.
    pub from: usize,
    /// What belongs there.
    pub kind: CompletionKind,
    /// What of it stands there already.
    pub prefix: String,
}

/// What belongs at a place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// The name of a term (`type:`), or free text.
    Key,
    /// An event type.
    TypeValue,
    /// A category.
    CategoryValue,
    /// A stream's name.
    StreamValue,
    /// A path below `data` or `metadata`; the prefix holds all of it.
    FieldPath,
    /// A moment or a span of time.
    TimeValue,
    /// A UUID, a number, a field's value: nothing to offer.
    Value,
}

pub(super) fn complete(line: &str, cursor: usize) -> Completion {
    let mut cursor = cursor.min(line.len());
    while !line.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &line[..cursor];
    // The term that the cursor is in starts behind the last space outside quotes.
    let (mut start, mut in_quotes, mut escaped) = (0, false, false);
    for (at, c) in before.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            c if c.is_whitespace() && !in_quotes => start = at + c.len_utf8(),
            _ => {}
        }
    }
    if before[start..].starts_with('-') {
        start += 1;
    }
    let term = &before[start..];
    let Some((key, sign)) = split_key(term) else {
        let kind = if term.starts_with("data.") || term.starts_with("metadata.") {
            CompletionKind::FieldPath
        } else {
            CompletionKind::Key
        };
        return Completion {
            from: start,
            kind,
            prefix: term.to_owned(),
        };
    };
    let values = key.len() + sign.len();
    let last = term[values..]
        .rfind(',')
        .map_or(values, |comma| values + comma + 1);
    let kind = match key {
        "type" => CompletionKind::TypeValue,
        "category" => CompletionKind::CategoryValue,
        "stream" => CompletionKind::StreamValue,
        "since" | "until" => CompletionKind::TimeValue,
        _ => CompletionKind::Value,
    };
    Completion {
        from: start + last,
        kind,
        prefix: term[last..].trim_start_matches('"').to_owned(),
    }
}
