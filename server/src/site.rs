//! The console's files: embedded into the program, answered compressed, cached for ever where the name holds a hash.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Deserialize;

#[derive(RustEmbed)]
#[folder = "../target/site"]
struct Files;

/// What the build says of the site: `site.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Site {
    /// File name of the program in `/pkg`, without `.js` and `.wasm`, with its hash.
    pub js: String,
    /// Path of the style sheet, with its hash.
    pub css: String,
}

impl Site {
    /// Reads what was built; an empty one when nothing was.
    pub fn load() -> Self {
        Files::get("site.json")
            .and_then(|file| serde_json::from_slice(&file.data).ok())
            .unwrap_or_default()
    }

    /// True when there is a console to show.
    pub fn is_built(&self) -> bool {
        !self.js.is_empty()
    }
}

/// A file of the site, if there is one at this path.
pub fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.strip_prefix('/')?;
    if name.is_empty() || name == "site.json" || has_ending(name, "br") || has_ending(name, "gz") {
        return None;
    }
    let plain = Files::get(name)?;
    let (file, encoding) = smallest(name, plain, headers);
    let etag = etag(&file);
    let immutable = name.starts_with("pkg/");
    let fresh = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let kind = content_type(name, &file);
    let mut response = if fresh {
        Response::new(Body::empty())
    } else {
        Response::new(Body::from(file.data.into_owned()))
    };
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let head = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        head.insert(header::CONTENT_TYPE, kind);
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        head.insert(header::ETAG, etag);
    }
    if let Some(encoding) = encoding {
        head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Names in /pkg hold a hash of the content; anything else asks whether it is still the same.
    let cache = if immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Some(response)
}

fn smallest(
    name: &str,
    plain: EmbeddedFile,
    headers: &HeaderMap,
) -> (EmbeddedFile, Option<&'static str>) {
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if accepts(headers, encoding)
            && let Some(file) = Files::get(&format!("{name}.{ending}"))
        {
            return (file, Some(encoding));
        }
    }
    (plain, None)
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
            let refused = parts.any(|part| {
                part.strip_prefix("q=")
                    .is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            named && !refused
        })
}

fn content_type(name: &str, file: &EmbeddedFile) -> String {
    // A compressed file's own type is the compression's; the browser wants the content's.
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8".to_owned(),
        Some("wasm") => "application/wasm".to_owned(),
        Some("css") => "text/css; charset=utf-8".to_owned(),
        Some("svg") => "image/svg+xml".to_owned(),
        Some("woff2") => "font/woff2".to_owned(),
        Some("json") => "application/json".to_owned(),
        Some("txt") => "text/plain; charset=utf-8".to_owned(),
        _ => file.metadata.mimetype().to_owned(),
    }
}

fn etag(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let start = digest
        .iter()
        .take(12)
        .fold(0_u128, |start, byte| start << 8 | u128::from(*byte));
    format!("\"{start:024x}\"")
}

fn has_ending(name: &str, ending: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, found)| found == ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_taken_unless_refused() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
        };
        assert!(accepts(&headers("gzip, deflate, br"), "br"));
        assert!(accepts(&headers("br;q=0.5"), "br"));
        assert!(!accepts(&headers("gzip, br;q=0"), "br"));
        assert!(!accepts(&headers("gzip"), "br"));
        assert!(!accepts(&HeaderMap::new(), "br"));
    }
}
