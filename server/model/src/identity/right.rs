//! What somebody may do: rights, and the roles that have them.

use serde::{Deserialize, Serialize};

/// One thing that somebody may do. Each call of the API needs one, and says which in the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Read the metrics.
    Watch,
    /// Look at the Stage: what happens, but not of whom, and nothing of what events hold.
    Look,
    /// Read events and everything that follows from them.
    Read,
    /// See masked fields as well; of users the role decides instead.
    Reveal,
    /// Append events.
    Append,
    /// Be a member of a subscription: take its events and acknowledge them.
    Subscribe,
    /// Order what changes how things run: pause, retry, skip, replay, rebuild, promote.
    Operate,
    /// Say what is computed: definitions of read models and states, rules of flows.
    Define,
    /// Keep users and tokens.
    Administer,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Watch,
        Self::Look,
        Self::Read,
        Self::Reveal,
        Self::Append,
        Self::Subscribe,
        Self::Operate,
        Self::Define,
        Self::Administer,
    ];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Look => "look",
            Self::Read => "read",
            Self::Reveal => "reveal",
            Self::Append => "append",
            Self::Subscribe => "subscribe",
            Self::Operate => "operate",
            Self::Define => "define",
            Self::Administer => "administer",
        }
    }

    /// The right of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == name)
    }

    /// What one may do with it, as words behind "may".
    pub fn words(self) -> &'static str {
        match self {
            Self::Watch => "read the metrics",
            Self::Look => "look at the Stage, without what events hold",
            Self::Read => "read events and what follows from them",
            Self::Reveal => "see masked fields",
            Self::Append => "append events",
            Self::Subscribe => "take events of subscriptions",
            Self::Operate => "pause, replay, rebuild and promote",
            Self::Define => "write definitions",
            Self::Administer => "keep users and tokens",
        }
    }
}

const VIEWER: [Right; 3] = [Right::Watch, Right::Look, Right::Read];
const OPERATOR: [Right; 4] = [Right::Watch, Right::Look, Right::Read, Right::Operate];
const AUTHOR: [Right; 5] = [
    Right::Watch,
    Right::Look,
    Right::Read,
    Right::Operate,
    Right::Define,
];

/// What a user is. Each role may do what the one before may, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Orders as well: pauses, replays, rebuilds, promotes.
    Operator,
    /// Writes definitions as well.
    Author,
    /// Keeps users and tokens as well, and leads the demo.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Author, Self::Admin];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Author => "author",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What a user of this role may do.
    pub fn rights(self) -> &'static [Right] {
        match self {
            Self::Viewer => &VIEWER,
            Self::Operator => &OPERATOR,
            Self::Author => &AUTHOR,
            Self::Admin => &Right::ALL,
        }
    }

    /// Whether a user of this role may do this.
    pub fn may(self, right: Right) -> bool {
        self.rights().contains(&right)
    }

    /// The least role that may do this.
    pub fn least(right: Right) -> Self {
        let mut roles = Self::ALL.into_iter();
        roles.find(|role| role.may(right)).unwrap_or(Self::Admin)
    }

    /// What it is for, as a sentence's end.
    pub fn words(self) -> &'static str {
        match self {
            Self::Viewer => "reads",
            Self::Operator => "also pauses, replays, rebuilds, promotes",
            Self::Author => "also writes definitions",
            Self::Admin => "also keeps users and tokens, appends, leads the demo",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_may() {
        for pair in Role::ALL.windows(2) {
            let (less, more) = (pair[0].rights(), pair[1].rights());
            assert!(less.iter().all(|right| more.contains(right)), "{pair:?}");
            assert!(more.len() > less.len(), "{pair:?}");
        }
    }

    #[test]
    fn a_viewer_changes_nothing() {
        let may: Vec<Right> = Right::ALL
            .into_iter()
            .filter(|right| Role::Viewer.may(*right))
            .collect();
        assert_eq!(may, VIEWER);
        assert_eq!(Role::least(Right::Define), Role::Author);
        assert_eq!(Role::least(Right::Append), Role::Admin);
    }

    #[test]
    fn names_lead_back() {
        for right in Right::ALL {
            assert_eq!(Right::named(right.as_str()), Some(right));
            assert_eq!(serde_json::to_value(right).unwrap(), right.as_str());
        }
        for role in Role::ALL {
            assert_eq!(Role::named(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!(Role::named("root"), None);
    }
}
