//! What the server is told of its provider.

use highwater_model::Role;
use reqwest::Url;

/// What the server is told of its provider.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcOptions {
    /// The provider, exactly as it names itself.
    pub issuer: String,
    /// The same as an address.
    pub address: Url,
    /// As what it knows this server.
    pub client_id: String,
    /// By what it knows that it is this server.
    pub client_secret: String,
    /// What is asked of it beside who somebody is.
    pub scopes: Vec<String>,
    /// The claim that has somebody's groups.
    pub groups_claim: String,
    /// What groups make of those who are in them.
    pub roles: Vec<RoleOfGroup>,
}

/// What a group makes of those who are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleOfGroup {
    /// The group, as the provider writes it.
    pub group: String,
    /// What they are.
    pub role: Role,
}

impl OidcOptions {
    /// What somebody in these groups is: of several roles the one that may most; none when no group has one.
    pub(super) fn role(&self, groups: &[String]) -> Option<Role> {
        let theirs = |of: &&RoleOfGroup| groups.contains(&of.group);
        self.roles.iter().filter(theirs).map(|of| of.role).max()
    }
}

impl std::fmt::Debug for OidcOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut options = f.debug_struct("OidcOptions");
        options
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .field("groups_claim", &self.groups_claim)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_groups_the_one_that_may_most_counts() {
        let of = |group: &str, role| RoleOfGroup {
            group: group.to_owned(),
            role,
        };
        let options = OidcOptions {
            issuer: "https://id.example".to_owned(),
            address: "https://id.example".parse().unwrap(),
            client_id: "highwater".to_owned(),
            client_secret: "not-to-be-read".to_owned(),
            scopes: Vec::new(),
            groups_claim: "groups".to_owned(),
            roles: vec![
                of("staff", Role::Viewer),
                of("admins", Role::Admin),
                of("on-call", Role::Operator),
            ],
        };
        let role = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            options.role(&groups)
        };
        assert_eq!(role(&["staff"]), Some(Role::Viewer));
        assert_eq!(role(&["on-call", "staff", "x"]), Some(Role::Operator));
        assert_eq!(role(&["staff", "admins"]), Some(Role::Admin));
        assert_eq!(role(&["Admins"]), None);
        assert_eq!(role(&[]), None);
        assert!(!format!("{options:?}").contains("not-to-be-read"));
    }
}
