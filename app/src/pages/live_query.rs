//! What the live page's URL says.

use jiff::Timestamp;
use leptos_router::params::ParamsMap;

use crate::api::escape;

/// The state of the live page that a link reproduces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveQuery {
    /// The filter line.
    pub filter: String,
    /// The event in the drawer.
    pub event: Option<String>,
    /// The range that was picked.
    pub range: Option<(Timestamp, Timestamp)>,
    /// Older events: only those before this position.
    pub before: Option<i64>,
}

impl LiveQuery {
    /// Reads it; what can't be read is left out.
    pub fn read(map: &ParamsMap) -> Self {
        let time = |name: &str| {
            map.get(name)
                .and_then(|text| text.parse::<Timestamp>().ok())
        };
        Self {
            filter: map.get("filter").unwrap_or_default(),
            event: map.get("event").filter(|id| !id.is_empty()),
            range: time("since")
                .zip(time("until"))
                .filter(|(since, until)| since < until),
            before: map.get("before").and_then(|text| text.parse().ok()),
        }
    }

    /// The link to it.
    pub fn href(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |name: &str, value: &str| parts.push(format!("{name}={}", escape(value)));
        if !self.filter.is_empty() {
            part("filter", &self.filter);
        }
        if let Some((since, until)) = self.range {
            part("since", &since.to_string());
            part("until", &until.to_string());
        }
        if let Some(before) = self.before {
            part("before", &before.to_string());
        }
        if let Some(event) = &self.event {
            part("event", event);
        }
        if parts.is_empty() {
            "/live".to_owned()
        } else {
            format!("/live?{}", parts.join("&"))
        }
    }

    /// The same with another event in the drawer.
    #[must_use]
    pub fn with_event(&self, event: Option<String>) -> Self {
        Self {
            event,
            ..self.clone()
        }
    }

    /// The filter line with the range as terms of it.
    pub fn whole_filter(&self) -> String {
        match self.range {
            Some((since, until)) => format!("{} since:{since} until:{until}", self.filter)
                .trim()
                .to_owned(),
            None => self.filter.clone(),
        }
    }

    /// The call that answers it.
    pub fn call(&self) -> String {
        let before = self
            .before
            .map_or_else(String::new, |before| format!("&before={before}"));
        format!(
            "/api/events?direction=backward&limit=100{before}{}",
            self.filter_part('&')
        )
    }

    /// The call that answers all of them as a file.
    pub fn export(&self) -> String {
        format!("/api/export/events{}", self.filter_part('?'))
    }

    fn filter_part(&self, sign: char) -> String {
        let filter = self.whole_filter();
        if filter.is_empty() {
            String::new()
        } else {
            format!("{sign}filter={}", escape(&filter))
        }
    }

    /// True when the page shows history that no new event can join.
    pub fn is_history(&self) -> bool {
        self.range.is_some() || self.before.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reproduces_the_page() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let query = LiveQuery {
            filter: "type:Order* data.total>100".to_owned(),
            event: Some("0192f3c1-77de-7c3a-9f10-000000000000".to_owned()),
            range: Some((time("2026-01-01T00:00:00Z"), time("2026-01-01T00:01:00Z"))),
            before: Some(10),
        };
        let href = query.href();
        let mut map = ParamsMap::new();
        for pair in href.trim_start_matches("/live?").split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            map.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(LiveQuery::read(&map), query);
    }
}
