//! Getting in: a login, an invitation taken up, and who one is then.

use serde::{Deserialize, Serialize};

use super::{Right, Role};
use crate::Environment;

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
