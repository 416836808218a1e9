//! What ⌘K leads to, and what it says when that is nothing.

use highwater_model::filter::quoted;
use highwater_model::{FindAnswer, FoundKind, SavedView};

use super::approvals_link::APPROVALS;
use super::frame::{ACCESS, PAGES};
use crate::api::escape;

/// Pages that another one of the rail leads to.
const INNER_PAGES: [(&str, &str); 1] = [("/flow-map", "Flow map")];

/// What can be done to a read model: the place on its page, and the word for it.
const ORDERS: [(&str, &str); 3] = [
    ("rebuild", "Rebuild"),
    ("replay", "Replay"),
    ("pause", "Pause or resume"),
];

/// What can be done to a subscription.
const SUBSCRIPTION_ORDERS: [(&str, &str); 2] =
    [("replay", "Replay or skip"), ("pause", "Pause or resume")];

/// What can be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) detail: String,
}

/// What is to be said of what was found.
pub(super) fn told(found: Option<Result<FindAnswer, String>>, nothing: bool) -> Option<String> {
    match found? {
        Err(error) => Some(error),
        Ok(answer) if !answer.looked_at_all => Some(
            "There are very many streams: only the newest 100 000 were looked through for this in the middle of a name.".to_owned(),
        ),
        Ok(_) if nothing => {
            Some("Nothing has this in its name. Ids and positions are found, too.".to_owned())
        }
        Ok(_) => None,
    }
}

/// The pages whose name has the text, those that begin with it first. `keeps`: of somebody who keeps users and tokens;
/// `approvals`: where orders wait for a second person.
pub(super) fn pages(text: &str, keeps: bool, approvals: bool) -> Vec<Entry> {
    let text = text.trim();
    let mut fitting: Vec<(u8, Entry)> = PAGES
        .iter()
        .chain(&INNER_PAGES)
        .chain(keeps.then_some(&ACCESS))
        .chain(approvals.then_some(&APPROVALS))
        .filter_map(|(path, name)| {
            let fits = highwater_model::find::fit(name, text)?;
            let entry = Entry {
                href: (*path).to_owned(),
                name: (*name).to_owned(),
                detail: String::new(),
            };
            Some((fits, entry))
        })
        .collect();
    // A stable sort: of the same fit, as in the rail.
    fitting.sort_by_key(|(fits, _)| *fits);
    fitting.into_iter().map(|(_, entry)| entry).collect()
}

/// Saved views whose name has the text, those that begin with it first; none while there is no text.
pub(super) fn views(saved: &[SavedView], text: &str) -> Vec<Entry> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let mut fitting: Vec<(u8, Entry)> = saved
        .iter()
        .filter_map(|view| {
            let fits = highwater_model::find::fit(&view.name, text)?;
            let entry = Entry {
                href: view.href(),
                name: view.name.clone(),
                detail: format!("saved view of {}", view.page.as_str()),
            };
            Some((fits, entry))
        })
        .collect();
    fitting.sort_by_key(|(fits, _)| *fits);
    fitting
        .into_iter()
        .map(|(_, entry)| entry)
        .take(8)
        .collect()
}

/// Subscriptions whose name has the text, those that begin with it first, none while there is no text; of the only one, what can be done to
/// it as well.
pub(super) fn subscriptions(names: &[String], text: &str) -> Vec<Entry> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let mut fitting: Vec<(u8, &String)> = names
        .iter()
        .filter_map(|name| Some((highwater_model::find::fit(name, text)?, name)))
        .collect();
    fitting.sort_by_key(|(fits, _)| *fits);
    let entry = |name: &str, place: &str, word: &str| Entry {
        href: format!("/subscriptions/{}{place}", escape(name)),
        name: format!("{word} {name}"),
        detail: "subscription".to_owned(),
    };
    let mut entries: Vec<Entry> = fitting
        .iter()
        .take(8)
        .map(|(_, name)| Entry {
            detail: String::new(),
            ..entry(name, "", "Subscription")
        })
        .collect();
    if let [(_, only)] = fitting[..] {
        let orders = SUBSCRIPTION_ORDERS.iter();
        entries.extend(orders.map(|(place, word)| entry(only, &format!("#{place}"), word)));
    }
    entries
}

/// Where what was found is shown; of a read model that is the only one, what can be done to it as well.
pub(super) fn things(answer: &FindAnswer) -> Vec<Entry> {
    let models = answer
        .found
        .iter()
        .filter(|found| found.kind == FoundKind::ReadModel)
        .count();
    let mut entries = Vec::new();
    for found in &answer.found {
        let (href, word) = match found.kind {
            FoundKind::Event => (format!("/events/{}", found.name), "Event"),
            FoundKind::Flow => (format!("/flows/{}", found.name), "Flow"),
            FoundKind::ReadModel => (
                format!("/read-models/{}", escape(&found.name)),
                "Read model",
            ),
            FoundKind::Type => (format!("/types/{}", escape(&found.name)), "Type"),
            FoundKind::Category => (
                format!("/streams?category={}", escape(&found.name)),
                "Category",
            ),
            FoundKind::Stream => (format!("/streams/{}", escape(&found.name)), "Stream"),
        };
        let entry = |href: String, name: String| Entry {
            href,
            name,
            detail: found.detail.clone(),
        };
        entries.push(entry(href.clone(), format!("{word} {}", found.name)));
        match found.kind {
            FoundKind::ReadModel if models == 1 => {
                for (place, word) in ORDERS {
                    let name = format!("{word} {}", found.name);
                    entries.push(entry(format!("{href}#{place}"), name));
                }
            }
            FoundKind::Type => {
                let line = escape(&format!("type:{}", quoted(&found.name)));
                let name = format!("Events of type {}", found.name);
                entries.push(entry(format!("/live?filter={line}"), name));
            }
            _ => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use highwater_model::Found;

    use super::*;

    #[test]
    fn pages_that_begin_with_the_text_come_first() {
        let names = |text| {
            pages(text, false, false)
                .into_iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("st")[..2], ["Streams", "Store"]);
        assert_eq!(names("nothing like it"), Vec::<String>::new());
        assert_eq!(names("").len(), PAGES.len() + INNER_PAGES.len());
        assert!(!names("access").contains(&"Access".to_owned()));
        assert_eq!(pages("access", true, false)[0].href, "/access");
        assert!(pages("approv", false, false).is_empty());
        assert_eq!(pages("approv", false, true)[0].href, "/approvals");
    }

    #[test]
    fn the_only_subscription_of_a_name_can_be_given_orders() {
        let names = ["mailer".to_owned(), "old.mailer".to_owned()];
        let hrefs = |text| {
            let entries = subscriptions(&names, text).into_iter();
            entries.map(|entry| entry.href).collect::<Vec<_>>()
        };
        assert_eq!(
            hrefs("mail"),
            ["/subscriptions/mailer", "/subscriptions/old.mailer"]
        );
        assert_eq!(
            hrefs("old"),
            [
                "/subscriptions/old.mailer",
                "/subscriptions/old.mailer#replay",
                "/subscriptions/old.mailer#pause"
            ]
        );
        assert!(hrefs("").is_empty());
    }

    #[test]
    fn what_was_found_leads_to_its_page() {
        let found = |kind, name: &str| Found {
            kind,
            name: name.to_owned(),
            detail: String::new(),
        };
        let answer = FindAnswer {
            found: vec![
                found(FoundKind::ReadModel, "totals"),
                found(FoundKind::Stream, "order-1/2"),
            ],
            looked_at_all: true,
        };
        let hrefs: Vec<String> = things(&answer)
            .into_iter()
            .map(|entry| entry.href)
            .collect();
        assert_eq!(
            hrefs,
            [
                "/read-models/totals",
                "/read-models/totals#rebuild",
                "/read-models/totals#replay",
                "/read-models/totals#pause",
                "/streams/order-1%2F2"
            ]
        );
    }
}
