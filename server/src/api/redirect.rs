//! Where a browser goes next.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) fn see_other(place: &str) -> Response {
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A path of this server, not an address of another one.
pub(crate) fn path_here(next: Option<&str>) -> Option<&str> {
    next.filter(|next| {
        let mut characters = next.chars();
        characters.next() == Some('/')
            && !matches!(characters.next(), Some('/' | '\\'))
            && !next
                .chars()
                .any(|character| character.is_control() || character == '\\')
            && next.is_ascii()
    })
}

/// A part of a query.
pub(crate) fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_no_other_site() {
        for here in ["/", "/live?filter=type:A", "/streams/order-1"] {
            assert_eq!(path_here(Some(here)), Some(here));
        }
        for other in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "live",
            "/a\nb",
            "/\u{e4}",
        ] {
            assert_eq!(path_here(Some(other)), None, "{other:?}");
        }
    }

    #[test]
    fn a_sentence_becomes_a_part_of_a_query() {
        assert_eq!(percent("Try again; ä&b"), "Try%20again%3B%20%C3%A4%26b");
    }
}
