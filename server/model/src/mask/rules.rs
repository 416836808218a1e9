//! What one caller may not see.

use std::sync::Arc;

use super::path::MaskKey;
use super::{MaskPath, MaskRule, MaskTypes, json};
use crate::filter::{Glob, Root};
use crate::{RecordedEvent, Right, Role};

/// What one caller may not see: the rules that hide something from them. Cheap to clone; who has the same sees the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Mask(pub(super) Arc<[Hidden]>);

/// A rule that hides something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Hidden {
    pub(super) types: MaskTypes,
    pub(super) path: MaskPath,
    pub(super) visible_to: Role,
}

impl Mask {
    /// Of somebody with this role and these rights, or of a program, which has no role.
    pub fn of(rules: &[MaskRule], role: Option<Role>, rights: &[Right]) -> Self {
        if rights.contains(&Right::Reveal) {
            return Self::default();
        }
        let hides = |rule: &&MaskRule| role.is_none_or(|role| role < rule.visible_to);
        Self(rules.iter().filter(hides).flat_map(hidden).collect())
    }

    /// Nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The least role that sees all of it.
    pub fn visible_to(&self) -> Role {
        let roles = self.0.iter().map(|hidden| hidden.visible_to);
        roles.max().unwrap_or(Role::Viewer)
    }

    /// The types with something hidden.
    pub fn types(&self) -> Vec<Glob> {
        let types = self.0.iter().flat_map(|hidden| hidden.types.globs());
        types.cloned().collect()
    }

    /// Whether what was made of events of these types may hold something that is hidden.
    pub fn concerns(&self, types: &[Glob]) -> bool {
        self.0.iter().any(|hidden| hidden.types.meet(types))
    }

    /// The event as it is seen; none: as it is.
    pub fn event(&self, event: &RecordedEvent) -> Option<RecordedEvent> {
        let data = self.paths(&event.event_type, Root::Data);
        let metadata = self.paths(&event.event_type, Root::Metadata);
        if data.is_empty() && metadata.is_empty() {
            return None;
        }
        let mut seen = event.clone();
        if !data.is_empty() {
            seen.data = json::masked(&event.data, &data);
        }
        if !metadata.is_empty() {
            seen.metadata = json::masked_metadata(&event.metadata, &metadata);
        }
        Some(seen)
    }

    /// What is hidden of a document of events of a type.
    pub(super) fn paths(&self, event_type: &str, root: Root) -> Vec<&[MaskKey]> {
        let rules = self.0.iter().filter(|hidden| hidden.path.root == root);
        let rules = rules.filter(|hidden| hidden.types.mean(event_type));
        rules.map(|hidden| hidden.path.keys.as_slice()).collect()
    }
}

/// A rule as it is kept. What it hides can't be told where a newer Highwater wrote it: then it hides everything.
fn hidden(rule: &MaskRule) -> Vec<Hidden> {
    let visible_to = rule.visible_to;
    match (MaskTypes::parse(&rule.types), MaskPath::parse(&rule.path)) {
        (Ok(types), Ok(path)) => vec![Hidden {
            types,
            path,
            visible_to,
        }],
        _ => [Root::Data, Root::Metadata]
            .map(|root| Hidden {
                types: MaskTypes::all(),
                path: MaskPath::whole(root),
                visible_to,
            })
            .into(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rules of these types and paths, which admins see through.
    pub(in crate::mask) fn mask(rules: &[(&str, &str)]) -> Mask {
        let rules: Vec<MaskRule> = rules
            .iter()
            .map(|(types, path)| rule(types, path, Role::Admin))
            .collect();
        Mask::of(&rules, Some(Role::Viewer), &[])
    }

    fn rule(types: &str, path: &str, visible_to: Role) -> MaskRule {
        MaskRule {
            id: 1,
            types: types.to_owned(),
            path: path.to_owned(),
            visible_to,
            created_by: "root".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            reason: "a test".to_owned(),
        }
    }

    /// An event of a type with this data.
    pub(in crate::mask) fn event(event_type: &str, data: &serde_json::Value) -> RecordedEvent {
        let event = serde_json::json!({
            "position": 7, "stream": "customer-1", "category": "customer", "version": 3,
            "id": "0192d6a4-0000-7000-8000-000000000001", "type": event_type, "data": data,
            "metadata": {"service": "crm", "ip": "10.0.0.7"},
            "occurred_at": "2026-01-01T00:00:00Z", "recorded_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn a_rule_hides_from_those_below_its_role_and_from_programs_without_the_right() {
        let rules = [
            rule("*", "data.a", Role::Operator),
            rule("*", "data.b", Role::Admin),
        ];
        let count = |role: Option<Role>, rights: &[Right]| Mask::of(&rules, role, rights).0.len();
        assert_eq!(count(Some(Role::Viewer), Role::Viewer.rights()), 2);
        assert_eq!(count(Some(Role::Operator), Role::Operator.rights()), 1);
        assert_eq!(count(Some(Role::Author), Role::Author.rights()), 1);
        assert_eq!(count(Some(Role::Admin), Role::Admin.rights()), 0);
        assert_eq!(count(None, &[Right::Read, Right::Administer]), 2);
        assert_eq!(count(None, &[Right::Read, Right::Reveal]), 0);
        let mask = Mask::of(&rules, Some(Role::Viewer), &[]);
        assert_eq!(mask.visible_to(), Role::Admin);
        assert_eq!(mask, mask.clone());
    }

    #[test]
    fn an_event_of_another_type_stays_as_it_is() {
        let mask = mask(&[("Customer*", "data.email"), ("*Moved", "metadata.ip")]);
        let data = serde_json::json!({"email": "ada@x", "n": 1});
        assert!(mask.event(&event("OrderPlaced", &data)).is_none());
        let seen = mask.event(&event("CustomerJoined", &data)).unwrap();
        assert_eq!(seen.data.get(), r#"{"email":"•••","n":1}"#);
        assert!(seen.metadata.get().contains("10.0.0.7"));
        let seen = mask.event(&event("CustomerMoved", &data)).unwrap();
        assert!(!seen.metadata.get().contains("10.0.0.7"));
        assert!(seen.metadata.get().contains("crm"));
        assert!(mask.concerns(&[Glob::starred("*")]));
        assert!(mask.concerns(&[Glob::starred("Parcel*")]), "ParcelMoved");
        assert!(!mask.concerns(&[Glob::starred("OrderPlaced")]));
    }

    #[test]
    fn a_rule_that_nobody_understands_hides_everything() {
        let rules = [rule("Customer*", "data.em*", Role::Author)];
        let mask = Mask::of(&rules, Some(Role::Viewer), &[]);
        let seen = mask
            .event(&event("OrderPlaced", &serde_json::json!({"n": "secret"})))
            .unwrap();
        let text = serde_json::to_string(&seen).unwrap();
        assert!(
            !text.contains("secret") && !text.contains("10.0.0.7"),
            "{text}"
        );
        assert!(Mask::of(&rules, Some(Role::Author), &[]).is_empty());
    }
}
