//! Who may do what: users and their roles, rights, tokens of programs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Environment;

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

/// How one gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoginMode {
    /// There is no login: everybody who reaches the server is its admin. It listens on loopback only.
    Local,
    /// By name and password, or with a token.
    Password,
    /// At a provider of OpenID Connect, or with a token.
    Oidc,
}

/// Who asks, as the server sees them: `GET /api/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoAmI {
    /// How one gets in here.
    pub login: LoginMode,
    /// The host of the provider at which one logs in, where that is the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The name that the audit log has; none before the login.
    pub name: Option<String>,
    /// The role of a user; none before the login, and for a program's token.
    pub role: Option<Role>,
    /// What they may do.
    pub rights: Vec<Right>,
    /// What the server looks after, where its operators have said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Orders that production confirms wait for a second person here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approvals: bool,
}

impl WhoAmI {
    /// Whether they may do this.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

/// A login.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginBody {
    /// The user's name.
    pub name: String,
    /// Their password.
    pub password: String,
    /// Where the browser goes then: a path of this server. Used by the form of the page.
    #[serde(default)]
    pub next: Option<String>,
}

/// What an invited user sends: `POST /api/join`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinBody {
    /// The key of the invitation's link.
    pub key: String,
    /// What they want to be called; not needed when the invitation has a name.
    #[serde(default)]
    pub name: Option<String>,
    /// The password from now on: 10 to 200 characters.
    pub password: String,
}

impl std::fmt::Debug for LoginBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut login = f.debug_struct("LoginBody");
        login.field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for JoinBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut join = f.debug_struct("JoinBody");
        join.field("name", &self.name).finish_non_exhaustive()
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// What they are called. Capitals and small letters are the same.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// They have not chosen a password yet, and no provider knows them.
    pub invited: bool,
    /// They can't get in.
    pub disabled: bool,
    /// Since when they are known.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When they were here last, by the minute.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub seen_at: Option<Timestamp>,
    /// Browsers in which they are logged in.
    pub sessions: i64,
}

/// A user to be: `POST /api/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUserBody {
    /// What they are called: 1 to 60 letters, digits and `._@+-`.
    pub name: String,
    /// What they are.
    pub role: Role,
}

/// What changes of a user: `PUT /api/users/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserBody {
    /// What they are from now on.
    pub role: Role,
    /// They can't get in from now on; whatever they have open is closed.
    #[serde(default)]
    pub disabled: bool,
}

/// A link that lets somebody choose a password, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Whom it is for.
    pub name: String,
    /// The page's path with the key; said once, kept as a hash.
    pub path: String,
    /// Until when it works.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
}

/// A token with which a program gets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiToken {
    /// Its number.
    pub id: i64,
    /// What it is called: the audit log has it as `token:NAME`.
    pub name: String,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Until when it works.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// When it was used last, by the minute.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub used_at: Option<Timestamp>,
}

/// A token to be made: `POST /api/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTokenBody {
    /// What it is called: 1 to 60 letters, digits and `._@+-`.
    pub name: String,
    /// What it may do: at least one.
    pub rights: Vec<Right>,
    /// Days until it no longer works: 1 to 366.
    pub days: i64,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewToken {
    /// The token.
    pub token: ApiToken,
    /// What the program sends as `Authorization: Bearer …`; said once, kept as a hash.
    pub secret: String,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut token = f.debug_struct("NewToken");
        token.field("token", &self.token).finish_non_exhaustive()
    }
}

/// A link that shows the Stage to somebody without a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    /// Its number.
    pub id: i64,
    /// Where the recording that it shows begins; what happens now, where there is none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
    /// Where it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Until when it works.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// When somebody looked last, by the minute.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub seen_at: Option<Timestamp>,
}

impl Share {
    /// The page that it shows.
    pub fn stage(&self) -> String {
        match (self.since, self.until) {
            (Some(since), Some(until)) => format!("/stage?since={since}&until={until}"),
            _ => "/stage".to_owned(),
        }
    }
}

/// A link to be made: `POST /api/shares`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewShareBody {
    /// Where a recording begins; what happens now, without it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
    /// Where it ends.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Hours until it no longer works: 1 to 720.
    pub hours: i64,
}

/// A link that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewShare {
    /// The link.
    pub share: Share,
    /// Its path with the key; said once, kept as a hash.
    pub path: String,
}

impl std::fmt::Debug for NewShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut share = f.debug_struct("NewShare");
        share.field("share", &self.share).finish_non_exhaustive()
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
