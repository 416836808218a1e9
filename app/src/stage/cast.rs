//! Who is on the Stage: those that emit events, and those that hear them.

use std::collections::BTreeMap;

use highwater_model::filter::{Filter, Glob};
use highwater_model::{FlowMap, ReadModel, RecordedEvent, Subscription};
use jiff::Timestamp;

/// More than this do not fit on a Stage, of services and of read models each: those that emit, or hear, least are left out.
const ACTORS: usize = 14;

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// Its name.
    pub name: String,
    hears: Hears,
}

/// What one of them hears.
#[derive(Debug, Clone, PartialEq)]
enum Hears {
    /// Nothing: it only emits.
    Nothing,
    /// What its subscription's filter lets through.
    Line(Filter),
    /// These types, as a read model does.
    Types(Vec<Glob>),
}

impl Hears {
    fn event(&self, event: &RecordedEvent, now: Timestamp) -> bool {
        match self {
            Self::Nothing => false,
            Self::Line(line) => line.matches(event, now),
            Self::Types(types) => types.iter().any(|one| one.matches(&event.event_type)),
        }
    }
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cast {
    /// Services: they emit events, and hear those of their subscription. Then subscriptions of others, which only hear.
    pub services: Vec<Actor>,
    /// Read models, by name.
    pub read_models: Vec<Actor>,
}

/// Who hears an event: its place among the services, or among the read models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hearer {
    /// A service.
    Service(usize),
    /// A read model.
    ReadModel(usize),
}

impl Cast {
    /// From what the log tells of who emits, and what readers say they hear. `order` names services that come first, in this order; the others follow by
    /// how much they emit.
    pub fn of(
        map: &FlowMap,
        subscriptions: &[Subscription],
        read_models: &[ReadModel],
        order: &[String],
    ) -> Self {
        let mut emit: BTreeMap<&str, i64> = BTreeMap::new();
        for node in &map.nodes {
            *emit.entry(&node.place.name).or_default() += node.events;
        }
        for subscription in subscriptions {
            emit.entry(&subscription.name).or_default();
        }
        for name in order {
            emit.entry(name).or_default();
        }
        let place = |name: &str| {
            let found = order.iter().position(|one| one == name);
            found.unwrap_or(usize::MAX)
        };
        let mut names: Vec<(&str, i64)> = emit.into_iter().collect();
        names.sort_by_key(|&(name, events)| (place(name), std::cmp::Reverse(events)));
        names.truncate(ACTORS);
        let heard_by = |name: &str| {
            let found = subscriptions.iter().find(|one| one.name == name);
            let line = found.and_then(|found| Filter::parse(&found.filter).ok());
            line.map_or(Hears::Nothing, Hears::Line)
        };
        let service = |(name, _): (&str, i64)| Actor {
            name: name.to_owned(),
            hears: heard_by(name),
        };
        Self {
            services: names.into_iter().map(service).collect(),
            read_models: hearing_most(map, read_models),
        }
    }

    /// Whether this service hears of anything.
    pub fn hears(&self, service: &str) -> bool {
        let found = self.services.iter().find(|actor| actor.name == service);
        found.is_some_and(|actor| actor.hears != Hears::Nothing)
    }

    /// Who emitted this event; none when it is not on the Stage.
    pub fn emitter(&self, event: &RecordedEvent) -> Option<usize> {
        let by_name = |name: &str| self.services.iter().position(|actor| actor.name == name);
        match service_of(event) {
            Some(service) => by_name(&service),
            None => by_name(&event.category),
        }
    }

    /// Who hears this event, services first.
    pub fn hearers(&self, event: &RecordedEvent) -> Vec<Hearer> {
        // What `since:` counts from: the event itself, so that a recording is as it was.
        let now = event.recorded_at;
        let services = hear(&self.services, event, now).map(Hearer::Service);
        let read_models = hear(&self.read_models, event, now).map(Hearer::ReadModel);
        services.chain(read_models).collect()
    }
}

fn hear(actors: &[Actor], event: &RecordedEvent, now: Timestamp) -> impl Iterator<Item = usize> {
    let all = actors.iter().enumerate();
    all.filter(move |(_, actor)| actor.hears.event(event, now))
        .map(|(at, _)| at)
}

/// The read models that hear most of what was emitted, as many as fit, in the order in which they are given.
fn hearing_most(map: &FlowMap, read_models: &[ReadModel]) -> Vec<Actor> {
    let heard = |read_model: &ReadModel| -> i64 {
        let types = read_model.types();
        let emitted = map.nodes.iter().flat_map(|node| &node.emits);
        emitted
            .filter(|one| types.iter().any(|glob| glob.matches(&one.event_type)))
            .map(|one| one.events)
            .sum()
    };
    let mut all: Vec<(usize, i64)> = read_models.iter().map(heard).enumerate().collect();
    all.sort_by_key(|&(_, heard)| std::cmp::Reverse(heard));
    all.truncate(ACTORS);
    all.sort_unstable();
    let chosen = all.into_iter().map(|(at, _)| reader(&read_models[at]));
    chosen.collect()
}

fn reader(read_model: &ReadModel) -> Actor {
    Actor {
        name: read_model.name.clone(),
        hears: Hears::Types(read_model.types()),
    }
}

fn service_of(event: &RecordedEvent) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        service: Option<serde_json::Value>,
    }
    let named: Named = serde_json::from_str(event.metadata.get()).ok()?;
    Some(named.service?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(services: &[(&str, i64)]) -> FlowMap {
        let node = |&(name, events): &(&str, i64)| highwater_model::FlowMapNode {
            place: highwater_model::FlowMapPlace {
                name: name.to_owned(),
                is_category: false,
            },
            events,
            emits: Vec::new(),
        };
        FlowMap {
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            events: 0,
            cut: false,
            nodes: services.iter().map(node).collect(),
            edges: Vec::new(),
        }
    }

    fn event(event_type: &str, metadata: &str) -> RecordedEvent {
        let text = format!(
            r#"{{"position":1,"id":"0196f2a4-7a3c-7d10-9c9e-5f0b1c2d3e4f","stream":"order-1","version":0,"category":"order","type":"{event_type}",
            "data":{{}},"metadata":{metadata},"occurred_at":"2026-01-01T00:00:00Z","recorded_at":"2026-01-01T00:00:00Z"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn hearing(name: &str, line: &str) -> Actor {
        Actor {
            name: name.to_owned(),
            hears: Hears::Line(Filter::parse(line).unwrap()),
        }
    }

    #[test]
    fn named_ones_come_first_and_the_others_by_how_much_they_emit() {
        let order = ["orders".to_owned(), "payments".to_owned()];
        let cast = Cast::of(
            &map(&[("few", 1), ("payments", 3), ("many", 9)]),
            &[],
            &[],
            &order,
        );
        let names: Vec<&str> = cast.services.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["orders", "payments", "many", "few"]);
    }

    #[test]
    fn no_more_come_on_than_fit() {
        let many: Vec<String> = (0..100).map(|n| format!("s{n}")).collect();
        let emit: Vec<(&str, i64)> = many.iter().map(|name| (name.as_str(), 1)).collect();
        assert_eq!(Cast::of(&map(&emit), &[], &[], &[]).services.len(), ACTORS);
    }

    fn read_model(name: &str, event_type: &str) -> ReadModel {
        let at = Timestamp::UNIX_EPOCH;
        let lag =
            serde_json::json!({"positions": 0, "matching": 0, "capped": false, "seconds": 0.0});
        let version = serde_json::json!({
            "id": 1, "number": 1, "role": "live", "definition": "", "events": [event_type], "policy": "stop", "state": "live",
            "since": at, "checkpoint": 0, "generation": 1, "handled": 0, "failures": 0, "created_at": at,
        });
        let model = serde_json::json!({
            "name": name, "source": "api", "state": "live", "since": at, "checkpoint": 0, "lag": lag, "rate": 0.0, "trend": "live",
            "versions": [version],
        });
        serde_json::from_value(model).unwrap()
    }

    #[test]
    fn of_many_read_models_those_that_hear_most_come_on_in_their_order() {
        let mut map = map(&[("orders", 9)]);
        map.nodes[0].emits = vec![highwater_model::FlowMapType {
            event_type: "OrderPlaced".to_owned(),
            events: 9,
        }];
        let mut many: Vec<ReadModel> = (0..50)
            .map(|n| read_model(&format!("a{n:02}"), "NeverSeen"))
            .collect();
        many.push(read_model("orders_by_state", "Order*"));
        many.push(read_model("z", "NeverSeen"));
        let cast = Cast::of(&map, &[], &many, &[]);
        assert_eq!(cast.read_models.len(), ACTORS);
        assert_eq!(cast.read_models[ACTORS - 1].name, "orders_by_state");
        assert_eq!(cast.read_models[0].name, "a00");
    }

    #[test]
    fn an_event_is_emitted_by_its_service_or_its_category_and_heard_by_whose_filter_fits() {
        let cast = Cast {
            services: vec![
                hearing("order", "type:Nothing"),
                hearing("payments", "type:OrderPlaced"),
            ],
            read_models: vec![Actor {
                name: "orders_by_state".to_owned(),
                hears: Hears::Types(vec![Glob::starred("Order*")]),
            }],
        };
        let placed = event("OrderPlaced", r#"{"service":"payments"}"#);
        assert_eq!(cast.emitter(&placed), Some(1));
        assert_eq!(
            cast.hearers(&placed),
            [Hearer::Service(1), Hearer::ReadModel(0)]
        );
        let unnamed = event("OrderCancelled", r#"{"service":7}"#);
        assert_eq!(cast.emitter(&unnamed), Some(0));
        assert_eq!(cast.hearers(&unnamed), [Hearer::ReadModel(0)]);
        assert_eq!(cast.emitter(&event("X", r#"{"service":"mail"}"#)), None);
    }
}
