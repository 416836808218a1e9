//! Finds out who calls.

mod remembered;
mod who;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow, bail};
use axum::http::{HeaderMap, header};
use highwater_model::LoginMode;
use highwater_store::identity::{SecretHash, SessionLimits};
use highwater_store::{Store, Tasks};
use tokio::sync::watch;
use tokio::time::Instant;

pub(super) use who::bearer;

use super::attempts::Attempts;
use super::cookie::SecretCookie;
use super::met::Met;
use super::oidc::{OidcOptions, Provider};
use super::secret;
use crate::caller::Caller;
use crate::guard::is_loopback_host;
use crate::proxies::Proxies;

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
    pub proxies: Proxies,
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

    /// The address of who calls: that of the connection, or what a proxy of ours says of it.
    pub(crate) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.options.proxies.caller(peer, headers)
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
