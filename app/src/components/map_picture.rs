//! The flow map as a picture: a box a place and a read model, a line from each place to who handles its events, as thick as it is busy. Pure
//! text, so that the server and the browser draw the same. The lists and the table of its page say the same, so it is hidden from screen
//! readers.

use std::collections::BTreeMap;
use std::fmt::Write;

use highwater_model::filter::Glob;
use highwater_model::{FlowMap, FlowMapNode, FlowMapPlace, ReadModel, Subscription};

use super::map_layout::{BOX, HEIGHT, Layout, layout, line};
use super::read_model_state::{badness, matching, word};
use super::subscription_state::Standing;
use crate::api::escape;
use crate::format;

/// Letters of a name that fit into a box.
const LETTERS: usize = 23;

/// What the page shows.
pub type Seen = (FlowMap, Vec<ReadModel>, Vec<Subscription>);

/// What was picked of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Picked {
    /// Nothing.
    #[default]
    Nothing,
    /// A place.
    Place(String),
    /// A line, from whom to whom.
    Line(String, String),
}

/// Everybody who emits, by name: of the map's nodes, and whose events were handled though they are older.
pub fn places(map: &FlowMap) -> Vec<FlowMapPlace> {
    let nodes = map.nodes.iter().map(|node| &node.place);
    let mut places: Vec<FlowMapPlace> = nodes
        .chain(map.edges.iter().map(|edge| &edge.from))
        .cloned()
        .collect();
    places.sort();
    places.dedup();
    places
}

/// The lines: all that is handled and emitted between two places, as positions among `places`, with how many events.
fn lines(map: &FlowMap, places: &[FlowMapPlace]) -> BTreeMap<(usize, usize), i64> {
    let mut lines = BTreeMap::new();
    for edge in &map.edges {
        let (from, to) = (
            places.binary_search(&edge.from),
            places.binary_search(&edge.to),
        );
        if let (Ok(from), Ok(to)) = (from, to) {
            *lines.entry((from, to)).or_default() += edge.events;
        }
    }
    lines
}

/// Whether who handles these types hears something that a place emits.
pub fn hears(types: &[Glob], node: &FlowMapNode) -> bool {
    let handles = |emitted: &str| types.iter().any(|one| one.matches(emitted));
    node.emits.iter().any(|one| handles(&one.event_type))
}

/// Which read models handle what a place emits, as positions among both.
fn heard(map: &FlowMap, places: &[FlowMapPlace], models: &[ReadModel]) -> Vec<(usize, usize)> {
    let mut heard = Vec::new();
    let handled: Vec<Vec<Glob>> = models.iter().map(ReadModel::types).collect();
    for node in &map.nodes {
        let Ok(at) = places.binary_search(&node.place) else {
            continue;
        };
        for (nth, types) in handled.iter().enumerate() {
            if hears(types, node) {
                heard.push((at, nth));
            }
        }
    }
    heard
}

/// Events a minute.
#[expect(clippy::cast_precision_loss, reason = "counts, below 2^52")]
pub fn per_minute(events: i64, map: &FlowMap) -> String {
    let seconds = map.until.duration_since(map.since).as_secs_f64().max(1.0);
    format!("{} / min", format::rate(events as f64 * 60.0 / seconds))
}

/// The drawing; `query` is what the page's address says of the time.
pub fn svg(seen: &Seen, picked: &Picked, query: &str) -> String {
    let (map, models, subscriptions) = seen;
    let places = places(map);
    let lines = lines(map, &places);
    let heard = heard(map, &places, models);
    let pairs: Vec<(usize, usize)> = lines.keys().copied().collect();
    let layout = layout(places.len(), &pairs, models.len(), &heard);
    let mut out = format!(
        "<svg class=\"map-picture\" viewBox=\"0 0 {:.0} {:.0}\" aria-hidden=\"true\">\
         <defs><marker id=\"map-arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerUnits=\"userSpaceOnUse\" markerWidth=\"11\" markerHeight=\"11\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\"/></marker></defs>",
        layout.width, layout.height
    );
    let is_picked = |at: usize| *picked == Picked::Place(places[at].name.clone());
    for (place, model) in heard {
        let near = if is_picked(place) { " near" } else { "" };
        // Writing into a text does not fail, here and below.
        let _ = write!(
            out,
            "<path class=\"edge heard{near}\" d=\"{}\"/>",
            line(layout.places[place], layout.models[model])
        );
    }
    draw_lines(&mut out, map, &places, &lines, &layout, picked, query);
    for (at, place) in places.iter().enumerate() {
        let node = map.nodes.iter().find(|node| node.place == *place);
        let rate = per_minute(node.map_or(0, |node| node.events), map);
        let (class, waits) = subscriptions
            .iter()
            .find(|one| !place.is_category && one.name == place.name)
            .map_or(("", String::new()), waits);
        let is = if is_picked(at) { "picked" } else { "place" };
        let href = format!("/flow-map?at={}{query}", escape(&place.name));
        a_box(
            &mut out,
            is,
            &href,
            layout.places[at],
            &place.name,
            &rate,
            (class, &waits),
        );
    }
    for (model, at) in models.iter().zip(&layout.models) {
        let bad = badness(model) > 2;
        let state = if bad {
            format!("! {}", word(model.state))
        } else {
            "read model".to_owned()
        };
        let class = if bad { "bad" } else { "waits" };
        let lag = if model.lag.matching > 0 {
            matching(model.lag)
        } else {
            String::new()
        };
        let href = format!("/read-models/{}", escape(&model.name));
        a_box(
            &mut out,
            "model",
            &href,
            *at,
            &model.name,
            &state,
            (class, &lag),
        );
    }
    out + "</svg>"
}

/// What waits for a service, told by the subscription of its name: a class, and words with a shape.
pub fn waits(subscription: &Subscription) -> (&'static str, String) {
    let standing = Standing::of(subscription);
    let lag = matching(subscription.lag).replace(" matching", " waiting");
    match standing {
        Standing::Level if subscription.lag.matching == 0 => ("", String::new()),
        Standing::Level | Standing::Behind => ("waits", lag),
        Standing::Paused => ("bad", format!("❚❚ paused, {lag}")),
        Standing::Parked => (
            "bad",
            format!("◆ {} parked", format::number(subscription.parked)),
        ),
        Standing::Unread => ("bad", format!("□ nobody reads, {lag}")),
    }
}

fn draw_lines(
    out: &mut String,
    map: &FlowMap,
    places: &[FlowMapPlace],
    lines: &BTreeMap<(usize, usize), i64>,
    layout: &Layout,
    picked: &Picked,
    query: &str,
) {
    let most = lines.values().copied().max().unwrap_or(1).max(1);
    for ((from, to), events) in lines {
        let (a, b) = (&places[*from].name, &places[*to].name);
        let near = match picked {
            Picked::Nothing => false,
            Picked::Place(at) => at == a || at == b,
            Picked::Line(of, then) => of == a && then == b,
        };
        // Four steps: a line does not change at each event.
        let width = 1 + (events * 4 - 1) / most.max(1);
        let path = line(layout.places[*from], layout.places[*to]);
        let _ = write!(
            out,
            "<a href=\"/flow-map?from={}&amp;to={}{query}\" tabindex=\"-1\"><title>{} → {}: {}</title><path class=\"grip\" d=\"{path}\"/>\
             <path class=\"edge w{}{}\" d=\"{path}\" marker-end=\"url(#map-arrow)\"/></a>",
            escape(a),
            escape(b),
            text(a),
            text(b),
            per_minute(*events, map),
            width.clamp(1, 4),
            if near { " near" } else { "" },
        );
    }
}

fn a_box(
    out: &mut String,
    class: &str,
    href: &str,
    (x, y): (f64, f64),
    name: &str,
    below: &str,
    (waits_class, waits): (&str, &str),
) {
    let short: String = if name.chars().count() > LETTERS {
        name.chars().take(LETTERS - 1).chain(['…']).collect()
    } else {
        name.to_owned()
    };
    let _ = write!(
        out,
        "<a class=\"{class}\" href=\"{href}\" tabindex=\"-1\"><title>{}</title><rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{BOX:.0}\" height=\"{HEIGHT:.0}\" rx=\"8\"/>\
         <text class=\"name\" x=\"{left:.0}\" y=\"{:.0}\">{}</text><text x=\"{left:.0}\" y=\"{:.0}\">{}</text>\
         <text class=\"{waits_class}\" x=\"{left:.0}\" y=\"{:.0}\">{}</text></a>",
        text(name),
        y + 20.0,
        text(&short),
        y + 37.0,
        text(below),
        y + 53.0,
        text(waits),
        left = x + 12.0,
    );
}

/// As text of a drawing.
fn text(words: &str) -> String {
    words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use highwater_model::{FlowMapEdge, FlowMapType};

    use super::super::subscription_state::example;
    use super::*;

    fn place(name: &str) -> FlowMapPlace {
        FlowMapPlace {
            name: name.to_owned(),
            is_category: false,
        }
    }

    fn edge(from: &str, to: &str, emitted: &str) -> FlowMapEdge {
        FlowMapEdge {
            from: place(from),
            handled: "Placed".to_owned(),
            to: place(to),
            emitted: emitted.to_owned(),
            events: 30,
            p50_ms: 5,
            p95_ms: 9,
            newest: uuid::Uuid::nil(),
        }
    }

    fn seen() -> Seen {
        let emits = vec![FlowMapType {
            event_type: "Paid".to_owned(),
            events: 60,
        }];
        let map = FlowMap {
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: "2026-01-01T00:15:00Z".parse().unwrap(),
            events: 60,
            cut: false,
            nodes: vec![FlowMapNode {
                place: place("<pay>"),
                events: 60,
                emits,
            }],
            edges: vec![
                edge("orders", "<pay>", "Paid"),
                edge("orders", "<pay>", "Refused"),
            ],
        };
        (map, Vec::new(), Vec::new())
    }

    #[test]
    fn all_that_goes_between_two_is_one_line_and_whose_events_are_older_has_a_box() {
        let svg = svg(&seen(), &Picked::Place("orders".to_owned()), "");
        assert_eq!(svg.matches("<path class=\"edge w").count(), 1, "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert_eq!(svg.matches("class=\"picked\"").count(), 1, "{svg}");
        assert!(svg.contains("orders → &lt;pay&gt;: 4.0 / min"), "{svg}");
        assert!(!svg.contains("<pay>") && !svg.contains("style="), "{svg}");
    }

    #[test]
    fn what_waits_at_a_service_is_told_by_the_subscription_of_its_name() {
        let mut seen = seen();
        let mut subscription = example("orders");
        subscription.parked = 2;
        seen.2 = vec![subscription];
        assert!(svg(&seen, &Picked::Nothing, "").contains("◆ 2 parked"));
        seen.2[0].name = "other".to_owned();
        assert!(!svg(&seen, &Picked::Nothing, "").contains("parked"));
    }

    #[test]
    fn a_read_model_of_all_types_with_a_beginning_hears_them() {
        let seen = seen();
        let node = &seen.0.nodes[0];
        for (handled, hears_it) in [("Pa*", true), ("Paid", true), ("P", false), ("*", true)] {
            let types = ["Nothing", handled].map(Glob::starred);
            assert_eq!(hears(&types, node), hears_it, "{handled}");
        }
    }
}
