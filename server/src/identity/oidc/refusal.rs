//! The page for somebody whom the provider knows, and whose groups give them no role here. It names the groups, which an address that
//! anybody can write must not; so it is an answer of its own and no page of the console.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::provider::{Proven, Provider};

/// Groups that are named.
const NAMED: usize = 50;
/// Characters of a group's name that are shown.
const CHARS: usize = 200;

/// The page.
pub(crate) fn no_role(provider: &Provider, proven: &Proven, css: &str) -> Response {
    let page = page(provider.host(), provider.groups_claim(), proven, css);
    (StatusCode::FORBIDDEN, Html(page)).into_response()
}

fn page(host: &str, claim: &str, proven: &Proven, css: &str) -> String {
    let (host, claim, called) = (escape(host), escape(claim), escape(&proven.called));
    let style = if css.is_empty() {
        String::new()
    } else {
        format!("<link rel=\"stylesheet\" href=\"{}\">", escape(css))
    };
    let named: Vec<String> = proven
        .groups
        .iter()
        .take(NAMED)
        .map(|group| format!("<li><code>{}</code></li>", escape(group)))
        .collect();
    let seen = if named.is_empty() {
        format!(
            "<p>It told of no group: <code>{claim}</code> is empty, or not in its ID token.</p>"
        )
    } else {
        let more = match proven.groups.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("<p>and {more} more.</p>"),
        };
        format!(
            "<p>It told of these groups:</p><ul>{}</ul>{more}",
            named.concat()
        )
    };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"dark light\"><title>No role · Highwater</title>{style}</head>\
         <body><main><div class=\"gate\"><h1>Highwater</h1><div class=\"notice bad\" role=\"alert\">\
         <h2>You have no role here</h2><p>{host} knows you as <b>{called}</b>, and none of your groups there has a role here.</p>{seen}\
         <p>An admin can map one to a role (<code>--oidc-role GROUP=ROLE</code>), or put you into one that is mapped. Log in again then.</p>\
         <p><a href=\"/login\">To the login</a></p></div></div></main></body></html>"
    )
}

/// As text in a page; what is very long is cut off.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().take(CHARS) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(groups: &[&str]) -> String {
        let proven = Proven {
            subject: "1".to_owned(),
            called: "<b>ada".to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        };
        page("id.example", "groups", &proven, "/pkg/a.css")
    }

    #[test]
    fn it_names_the_groups_and_nothing_of_them_is_markup() {
        let page = shown(&["staff", "<script>alert(1)</script>"]);
        assert!(page.contains("<code>staff</code>"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&lt;b&gt;ada"), "{page}");
        assert!(page.contains("--oidc-role"), "{page}");
    }

    #[test]
    fn without_a_group_it_says_where_they_are_looked_for_and_many_are_counted() {
        assert!(shown(&[]).contains("<code>groups</code> is empty"));
        let many: Vec<String> = (0..60).map(|number| format!("g{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let page = shown(&many);
        assert!(page.contains("and 10 more"), "{page}");
        assert!(!page.contains("g55"), "{page}");
    }
}
