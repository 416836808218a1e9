//! Who asks, users, tokens of programs, links; and whether what was done is on record as it was.

use highwater_model::{
    ApiToken, AuditVerdict, Invitation, NewShare, NewShareBody, NewToken, NewTokenBody,
    NewUserBody, Role, Share, User, UserBody, WhoAmI,
};
use serde::{Deserialize, Serialize};

use super::browser::Sending;
use super::{Answer, Api, Query, escape};

/// Whom an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// What they are called; the first admin chooses that.
    pub name: Option<String>,
    /// What they will be.
    pub role: Role,
}

impl Api {
    /// Who asks, as the server sees them; answered before the login, too.
    pub async fn who_am_i(&self) -> Answer<WhoAmI> {
        self.get(Query::new("/api/session")).await
    }

    /// Ends the login of this browser, or of every one of the user's.
    pub async fn log_out(&self, everywhere: bool) -> Answer<()> {
        let mut query = Query::new("/api/session");
        query.text("everywhere", if everywhere { "true" } else { "" });
        self.delete(query).await
    }

    /// Whom an invitation is for. None: it is unknown, used or expired.
    pub async fn invited(&self, key: &str) -> Answer<Option<Invited>> {
        if key.is_empty() {
            return Ok(None);
        }
        let mut query = Query::new("/api/join");
        query.text("key", key);
        match self.get(query).await {
            Ok(invited) => Ok(Some(invited)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every user.
    pub async fn users(&self) -> Answer<Vec<User>> {
        self.get(Query::new("/api/users")).await
    }

    /// Invites somebody.
    pub async fn invite(&self, user: &NewUserBody) -> Answer<Invitation> {
        self.post("/api/users".to_owned(), user).await
    }

    /// Invites a user again: they choose a password anew, and are logged in nowhere then.
    pub async fn invite_again(&self, name: &str) -> Answer<Invitation> {
        self.post(of(name, "/invite").0, &()).await
    }

    /// Changes what a user is.
    pub async fn change_user(&self, name: &str, user: &UserBody) -> Answer<User> {
        self.put(of(name, "").0, user).await
    }

    /// Removes a user.
    pub async fn remove_user(&self, name: &str) -> Answer<()> {
        self.delete(of(name, "")).await
    }

    /// Ends every login of a user.
    pub async fn end_sessions(&self, name: &str) -> Answer<()> {
        self.delete(of(name, "/sessions")).await
    }

    /// Every token.
    pub async fn tokens(&self) -> Answer<Vec<ApiToken>> {
        self.get(Query::new("/api/tokens")).await
    }

    /// Makes a token.
    pub async fn make_token(&self, token: &NewTokenBody) -> Answer<NewToken> {
        self.post("/api/tokens".to_owned(), token).await
    }

    /// Revokes a token.
    pub async fn revoke_token(&self, id: i64) -> Answer<()> {
        self.delete(Query::new(&format!("/api/tokens/{id}"))).await
    }

    /// Links that show the Stage.
    pub async fn shares(&self) -> Answer<Vec<Share>> {
        self.get(Query::new("/api/shares")).await
    }

    /// Makes one.
    pub async fn make_share(&self, share: &NewShareBody) -> Answer<NewShare> {
        self.post("/api/shares".to_owned(), share).await
    }

    /// Ends one.
    pub async fn end_share(&self, id: i64) -> Answer<()> {
        self.delete(Query::new(&format!("/api/shares/{id}"))).await
    }

    /// Whether the audit log is as it was written.
    pub async fn verify_actions(&self) -> Answer<AuditVerdict> {
        self.get(Query::new("/api/actions/verify")).await
    }

    async fn delete(&self, query: Query) -> Answer<()> {
        let (method, path, body) = ("DELETE", query.0, None);
        self.send(Sending { method, path, body }).await.map(drop)
    }
}

fn of(name: &str, part: &str) -> Query {
    Query::new(&format!("/api/users/{}{part}", escape(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_the_path() {
        assert_eq!(of("a.b@c", "/sessions").0, "/api/users/a.b%40c/sessions");
    }

    #[test]
    fn an_invitation_of_the_first_admin_has_no_name() {
        let invited: Invited = serde_json::from_str(r#"{"name":null,"role":"admin"}"#).unwrap();
        assert_eq!((invited.name, invited.role), (None, Role::Admin));
    }
}
