//! What a provider says of somebody beside the usual.

use std::collections::HashMap;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All that is none of the claims that the standard names.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct OtherClaims {
    #[serde(flatten)]
    all: HashMap<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

impl OtherClaims {
    /// The groups that stand in this claim; `realm_access.roles` leads into an object. A text is one group.
    pub(super) fn groups(&self, claim: &str) -> Vec<String> {
        match self.find(claim) {
            Some(Value::String(group)) => vec![group.clone()],
            Some(Value::Array(groups)) => {
                let names = groups.iter().filter_map(Value::as_str);
                names.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    fn find(&self, claim: &str) -> Option<&Value> {
        // A name may be an address, with dots of its own.
        if let Some(found) = self.all.get(claim) {
            return Some(found);
        }
        let mut parts = claim.split('.');
        let first = self.all.get(parts.next()?)?;
        parts.try_fold(first, |inside, part| inside.get(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_found_where_providers_have_them() {
        let claims: OtherClaims = serde_json::from_value(json!({
            "groups": ["admins", 7, "staff"],
            "role": "admins",
            "realm_access": {"roles": ["operator"], "one": {"more": ["deep"]}},
            "https://highwater.example/groups": ["named by an address"],
            "nothing": null
        }))
        .unwrap();
        for (claim, groups) in [
            ("groups", &["admins", "staff"][..]),
            ("role", &["admins"]),
            ("realm_access.roles", &["operator"]),
            ("realm_access.one.more", &["deep"]),
            ("https://highwater.example/groups", &["named by an address"]),
            ("realm_access", &[]),
            ("realm_access.none", &[]),
            ("groups.x", &[]),
            ("nothing", &[]),
            ("none", &[]),
            ("", &[]),
        ] {
            assert_eq!(claims.groups(claim), groups, "{claim}");
        }
    }
}
