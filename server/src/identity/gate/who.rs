//! Who somebody is, by what they send: a session's cookie, a token, the key of a shared link.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use highwater_model::{LoginMode, Mask, Problem, Right, Role};
use highwater_store::identity::SecretHash;

use super::Gate;
use crate::api::problem::ApiError;
use crate::caller::{Caller, KnownBy};
use crate::identity::oidc::Provider;
use crate::identity::secret;

impl Gate {
    /// Who sends these headers. Nobody, when they say nothing or a session that has ended; a token that does not work is refused in words.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        if self.options.login == LoginMode::Local {
            return Ok(Caller::local());
        }
        // Another scheme is a proxy's business.
        let given = headers.get(header::AUTHORIZATION);
        if let Some(token) = given.and_then(|given| bearer(given.to_str().ok()?)) {
            let found = self.of_token(secret::hash(token)).await?;
            return found.ok_or_else(unknown_token);
        }
        if let Some(secret) = self.cookie.read(headers)
            && let Some(user) = self.of_session(secret::hash(secret)).await?
        {
            return Ok(user);
        }
        if let Some(key) = self.share_cookie.read(headers)
            && let Some(onlooker) = self.of_share(secret::hash(key)).await?
        {
            return Ok(onlooker);
        }
        Ok(Caller::nobody())
    }

    /// Whether who sends these headers was let in of late, without asking anybody. Who looks by a shared link is one of many, and never known.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        if self.options.login == LoginMode::Local {
            return false;
        }
        let given = headers.get(header::AUTHORIZATION);
        if let Some(token) = given.and_then(|given| bearer(given.to_str().ok()?)) {
            let token = secret::hash(token);
            return token == self.house_hash || self.met.has(&token);
        }
        let session = self.cookie.read(headers).map(secret::hash);
        session.is_some_and(|session| self.met.has(&session))
    }

    /// Whether this is a program that the server has started itself.
    pub(crate) fn is_house(&self, caller: &Caller) -> bool {
        caller.by == KnownBy::Token(self.house_hash)
    }

    /// Who a caller of before is now; none when they may not be here any more.
    pub(crate) async fn again(&self, caller: &Caller) -> Result<Option<Caller>, Problem> {
        match caller.by {
            KnownBy::Nothing | KnownBy::Approval => Ok(None),
            KnownBy::Loopback => Ok(Some(caller.clone())),
            KnownBy::Session(secret) => self.of_session(secret).await,
            KnownBy::Token(secret) => self.of_token(secret).await,
            KnownBy::Share(key) => self.of_share(key).await,
        }
    }

    async fn of_session(&self, secret: SecretHash) -> Result<Option<Caller>, Problem> {
        if let Some(caller) = self.remembered(&secret) {
            return Ok(Some(caller));
        }
        let generation = *self.moved.borrow();
        let issuer = self.provider.as_ref().map(Provider::issuer);
        let found = self.store.session_user(&secret, self.session(), issuer);
        let found = found.await;
        let found = found.map_err(|error| ApiError::from(error).0)?;
        self.met.learn(secret, found.is_some());
        let Some(user) = found else {
            return Ok(None);
        };
        let rights = user.role.rights();
        let caller = Caller {
            mask: self.mask(Some(user.role), rights).await?,
            name: Arc::from(user.name),
            role: Some(user.role),
            rights: Arc::from(rights),
            by: KnownBy::Session(secret),
            film: None,
            approved: None,
        };
        self.remember(secret, &caller, generation);
        Ok(Some(caller))
    }

    async fn of_token(&self, secret: SecretHash) -> Result<Option<Caller>, Problem> {
        if secret == self.house_hash {
            return Ok(Some(house(secret)));
        }
        if let Some(caller) = self.remembered(&secret) {
            return Ok(Some(caller));
        }
        let generation = *self.moved.borrow();
        let found = self.store.token_of(&secret).await;
        let found = found.map_err(|error| ApiError::from(error).0)?;
        self.met.learn(secret, found.is_some());
        let Some(token) = found else {
            return Ok(None);
        };
        let caller = Caller {
            mask: self.mask(None, &token.rights).await?,
            name: Arc::from(format!("token:{}", token.name)),
            role: None,
            rights: Arc::from(token.rights),
            by: KnownBy::Token(secret),
            film: None,
            approved: None,
        };
        self.remember(secret, &caller, generation);
        Ok(Some(caller))
    }

    /// What of events they may not see. It is remembered with who they are; a rule that comes or goes has everybody asked for anew.
    pub(in crate::identity) async fn mask(
        &self,
        role: Option<Role>,
        rights: &[Right],
    ) -> Result<Mask, Problem> {
        if rights.contains(&Right::Reveal) {
            return Ok(Mask::default());
        }
        let rules = self.store.mask_rules().await;
        let rules = rules.map_err(|error| ApiError::from(error).0)?;
        Ok(Mask::of(&rules, role, rights))
    }

    async fn of_share(&self, key: SecretHash) -> Result<Option<Caller>, Problem> {
        if let Some(caller) = self.remembered(&key) {
            return Ok(Some(caller));
        }
        let generation = *self.moved.borrow();
        let found = self.store.share_of(&key).await;
        let found = found.map_err(|error| ApiError::from(error).0)?;
        Ok(found.map(|share| {
            let caller = Caller {
                name: Arc::from(format!("share:{}", share.id)),
                role: None,
                rights: Arc::from([Right::Look]),
                by: KnownBy::Share(key),
                film: share.since.zip(share.until),
                mask: Mask::default(),
                approved: None,
            };
            self.remember(key, &caller, generation);
            caller
        }))
    }
}

/// The programs that the server starts itself: the demo shop's services.
fn house(secret: SecretHash) -> Caller {
    Caller {
        name: Arc::from("demo"),
        role: None,
        rights: Arc::from([
            Right::Read,
            Right::Reveal,
            Right::Append,
            Right::Subscribe,
            Right::Operate,
            Right::Define,
        ]),
        by: KnownBy::Token(secret),
        film: None,
        mask: Mask::default(),
        approved: None,
    }
}

pub(in crate::identity) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn unknown_token() -> Problem {
    let detail = "This token is not known: it was revoked, has expired, or is of another server. An admin makes a new one at /access.";
    Problem::new(401, "bad_token", "The token is not right", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_behind_bearer_and_nothing_else_is_one() {
        assert_eq!(bearer("Bearer hw_1"), Some("hw_1"));
        assert_eq!(bearer("bearer  hw_1 "), Some("hw_1"));
        assert_eq!(bearer("Basic YTpi"), None);
        assert_eq!(bearer("hw_1"), None);
    }
}
