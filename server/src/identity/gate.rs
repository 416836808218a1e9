//! Finds out who calls.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::http::{HeaderMap, header};
use highwater_model::{LoginMode, Mask, Problem, Right, Role};
use highwater_store::identity::{SecretHash, SessionLimits};
use highwater_store::{Store, Tasks};
use tokio::sync::watch;
use tokio::time::Instant;

use super::attempts::Attempts;
use super::cookie::SecretCookie;
use super::met::Met;
use super::oidc::{OidcOptions, Provider};
use super::secret;
use crate::api::problem::ApiError;
use crate::caller::{Caller, KnownBy};
use crate::guard::is_loopback_host;

/// How long it is remembered who somebody is. That rights were taken away is learned sooner (`watch.rs`); that they ran out, after this.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Callers that are remembered; one more, and all are asked for anew.
const CALLERS: usize = 10_000;
/// How long sessions last that began with a password.
const SESSION: SessionLimits = SessionLimits {
    idle_s: 12 * 60 * 60,
    absolute_s: 7 * 24 * 60 * 60,
};
/// How long those last that began at a provider: whom it lets in no more, or in other groups, is asked of it at the next login.
const SESSION_OF_PROVIDER: SessionLimits = SessionLimits {
    idle_s: 12 * 60 * 60,
    absolute_s: 12 * 60 * 60,
};

/// How one gets in.
#[derive(Debug, Clone)]
pub struct GateOptions {
    /// With a login, or without.
    pub login: LoginMode,
    /// The provider, where one logs in at one.
    pub provider: Option<OidcOptions>,
    /// As browsers see the server (`https://highwater.example`), if it is not where it listens.
    pub origin: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Where it listens.
    pub port: u16,
    /// It answers by TLS there.
    pub tls: bool,
}

/// Finds out who calls.
#[derive(Debug)]
pub struct Gate {
    store: Store,
    options: GateOptions,
    cookie: SecretCookie,
    share_cookie: SecretCookie,
    login_cookie: SecretCookie,
    provider: Option<Provider>,
    attempts: Attempts,
    /// The secret of the programs that this server starts itself.
    house: String,
    house_hash: SecretHash,
    known: Mutex<HashMap<SecretHash, (Instant, Caller)>>,
    met: Met,
    /// Counts up whenever it is to be asked anew who somebody is.
    moved: watch::Sender<u64>,
}

impl Gate {
    /// A gate to this store.
    pub fn new(store: Store, options: GateOptions) -> anyhow::Result<Self> {
        let house = secret::new_token().map_err(|problem| anyhow!("{problem}"))?;
        let provider = match (options.login, options.provider.clone()) {
            (LoginMode::Oidc, Some(options)) => Some(Provider::new(options)?),
            (LoginMode::Oidc, None) => bail!("no provider is named at which one could log in"),
            (LoginMode::Local | LoginMode::Password, _) => None,
        };
        let origin = options.origin.as_deref();
        let is_https = options.tls || origin.is_some_and(|origin| origin.starts_with("https://"));
        Ok(Self {
            store,
            cookie: SecretCookie::new("highwater", is_https, options.port),
            share_cookie: SecretCookie::new("highwater-share", is_https, options.port),
            login_cookie: SecretCookie::new("highwater-login", is_https, options.port),
            provider,
            options,
            attempts: Attempts::default(),
            house_hash: secret::hash(&house),
            house,
            known: Mutex::default(),
            met: Met::default(),
            moved: watch::Sender::new(0),
        })
    }

    /// Learns from now on, within a second, that rights were taken away.
    pub fn watch(self: &Arc<Self>, tasks: &Tasks) {
        super::watch::start(Arc::clone(self), tasks);
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// With a login, or without.
    pub fn login(&self) -> LoginMode {
        self.options.login
    }

    /// As browsers see the server, if it is not where it listens.
    pub fn origin(&self) -> Option<&str> {
        self.options.origin.as_deref()
    }

    /// Whether it answers by TLS where it listens.
    pub(crate) fn tls(&self) -> bool {
        self.options.tls
    }

    pub(crate) fn cookie(&self) -> &SecretCookie {
        &self.cookie
    }

    pub(crate) fn share_cookie(&self) -> &SecretCookie {
        &self.share_cookie
    }

    /// Of a login that goes on at the provider.
    pub(crate) fn login_cookie(&self) -> &SecretCookie {
        &self.login_cookie
    }

    /// Where one logs in, if that is not here.
    pub(crate) fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    /// How long sessions last.
    pub(crate) fn session(&self) -> SessionLimits {
        match self.options.login {
            LoginMode::Local | LoginMode::Password => SESSION,
            LoginMode::Oidc => SESSION_OF_PROVIDER,
        }
    }

    /// The server as the browser that sends these headers sees it. What they say counts on loopback only, which has several names.
    pub(crate) fn origin_of(&self, headers: &HeaderMap) -> String {
        if let Some(origin) = self.origin() {
            return origin.to_owned();
        }
        let scheme = if self.options.tls { "https" } else { "http" };
        let host = headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        match host.filter(|host| is_loopback_host(host)) {
            Some(host) => format!("{scheme}://{host}"),
            None => format!("{scheme}://127.0.0.1:{}", self.options.port),
        }
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// The token of a program that this server starts itself, if it needs one.
    pub fn house_token(&self) -> Option<&str> {
        match self.options.login {
            LoginMode::Local => None,
            LoginMode::Password | LoginMode::Oidc => Some(&self.house),
        }
    }

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
    pub(super) async fn mask(&self, role: Option<Role>, rights: &[Right]) -> Result<Mask, Problem> {
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

    fn remembered(&self, secret: &SecretHash) -> Option<Caller> {
        self.known_within(secret, REMEMBERED)
    }

    /// Who this was when it was asked last, if that is not longer ago.
    pub(super) fn known_within(&self, secret: &SecretHash, ago: Duration) -> Option<Caller> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, caller) = known.get(secret)?;
        (at.elapsed() < ago).then(|| caller.clone())
    }

    /// Remembers who somebody is, unless rights were taken away while it was asked: the answer may be from before.
    fn remember(&self, secret: SecretHash, caller: &Caller, generation: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.moved.borrow() != generation {
            return;
        }
        if known.len() >= CALLERS {
            known.clear();
        }
        known.insert(secret, (Instant::now(), caller.clone()));
    }

    /// Forgets whose this secret was: it has ended. What it has open learns of it in a moment.
    pub(crate) fn forget_one(&self, secret: &SecretHash) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(secret);
        self.met.learn(*secret, false);
    }

    /// Forgets who everybody is: rights were taken away. Whoever keeps a connection open asks again.
    pub(crate) fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
        self.moved.send_modify(|moved| *moved += 1);
    }

    /// Changes whenever it is to be asked anew who somebody is.
    pub(crate) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Has those with open connections ask again: time may have run out for them.
    pub(crate) fn recheck(&self) {
        self.moved.send_modify(|moved| *moved += 1);
    }

    /// The address of who calls: that of the connection, or what a proxy of ours says of it.
    pub(crate) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        address(peer, headers, &self.options.proxies)
    }

    /// The path of a link for the first admin that works so many seconds, when there is no admin yet. Where one logs in at a provider
    /// the groups there make admins.
    pub async fn first_admin(&self, valid_s: i64) -> anyhow::Result<Option<String>> {
        if self.options.login != LoginMode::Password || self.store.has_admin().await? {
            return Ok(None);
        }
        let key = secret::new().map_err(|problem| anyhow!("{problem}"))?;
        let hash = secret::hash(&key);
        let offered = self.store.offer_first_admin(&hash, valid_s);
        offered.await.context("no link for the first admin")?;
        Ok(Some(format!("/join?key={key}")))
    }
}

fn address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let mut address = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter();
    let said: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    // From the nearest on: what stands before the first that is no proxy of ours may be made up.
    for one in said.into_iter().rev() {
        if !proxies.contains(&address) {
            break;
        }
        let Ok(next) = one.trim().parse::<IpAddr>() else {
            break;
        };
        address = next.to_canonical();
    }
    address
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

pub(super) fn bearer(value: &str) -> Option<&str> {
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
    fn only_a_proxy_of_ours_is_believed_who_calls() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = [ip("10.0.0.2"), ip("10.0.0.3")];
        let seen = |peer: &str, said: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", said.parse().unwrap());
            address(ip(peer), &headers, &proxies)
        };
        assert_eq!(seen("10.0.0.2", "192.0.2.7"), ip("192.0.2.7"));
        assert_eq!(seen("::ffff:10.0.0.2", "192.0.2.7"), ip("192.0.2.7"));
        // Through two of ours; what the caller made up stands before.
        assert_eq!(
            seen("10.0.0.2", "1.1.1.1, 192.0.2.7, 10.0.0.3"),
            ip("192.0.2.7")
        );
        assert_eq!(seen("192.0.2.9", "1.1.1.1"), ip("192.0.2.9"));
        assert_eq!(seen("10.0.0.2", "nonsense"), ip("10.0.0.2"));
        assert_eq!(
            address(ip("10.0.0.2"), &HeaderMap::new(), &proxies),
            ip("10.0.0.2")
        );
    }

    #[test]
    fn a_token_stands_behind_bearer_and_nothing_else_is_one() {
        assert_eq!(bearer("Bearer hw_1"), Some("hw_1"));
        assert_eq!(bearer("bearer  hw_1 "), Some("hw_1"));
        assert_eq!(bearer("Basic YTpi"), None);
        assert_eq!(bearer("hw_1"), None);
    }
}
