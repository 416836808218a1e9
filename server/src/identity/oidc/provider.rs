//! The provider: where it is found, where the browser is sent, and what it proves of who comes back.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use highwater_model::Role;
use highwater_store::identity::ProvidedUser;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClientAuthMethod, CoreIdTokenVerifier, CoreProviderMetadata,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    IssuerUrl, Nonce, PkceCodeChallenge, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse as _,
};
use reqwest::Url;
use tokio::time::Instant;

use super::Failed;
use super::attempt::Attempt;
use super::http::Http;
use super::options::OidcOptions;
use super::types::{Claims, Client, Token, Tokens};

/// How long it is remembered what the provider says of itself, its keys too. A key that is not known is asked for sooner.
const REMEMBERED: Duration = Duration::from_hours(1);
/// Where the provider sends the browser back to.
const CALLBACK: &str = "/login/oidc/callback";

/// The provider at which one logs in.
#[derive(Debug)]
pub(crate) struct Provider {
    options: OidcOptions,
    issuer: IssuerUrl,
    host: String,
    http: Http,
    known: Mutex<Option<(Instant, Arc<CoreProviderMetadata>)>>,
}

/// Somebody as the provider has proved who they are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// What it knows them by, for ever.
    pub(crate) subject: String,
    /// What they are called there.
    pub(crate) called: String,
    /// Their groups there.
    pub(crate) groups: Vec<String>,
}

impl Provider {
    /// The provider that the options name. It is not asked yet.
    pub(crate) fn new(options: OidcOptions) -> anyhow::Result<Self> {
        let issuer = IssuerUrl::new(options.issuer.clone());
        let host = match (options.address.host_str(), options.address.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        Ok(Self {
            issuer: issuer.context("the issuer is no address")?,
            host,
            http: Http::new(&options.address)?,
            known: Mutex::default(),
            options,
        })
    }

    /// As it names itself.
    pub(crate) fn issuer(&self) -> &str {
        &self.options.issuer
    }

    /// Where it is, as people know it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The claim that has somebody's groups.
    pub(crate) fn groups_claim(&self) -> &str {
        &self.options.groups_claim
    }

    /// What somebody is, by their groups there.
    pub(crate) fn role(&self, proven: &Proven) -> Option<Role> {
        self.options.role(&proven.groups)
    }

    /// The user that somebody of this role is.
    pub(crate) fn user(&self, proven: Proven, role: Role) -> ProvidedUser {
        ProvidedUser {
            issuer: self.options.issuer.clone(),
            subject: proven.subject,
            called: proven.called,
            role,
        }
    }

    /// Where the browser is sent to log in; it comes back to `origin`.
    pub(crate) async fn authorize(&self, attempt: &Attempt, origin: &str) -> Result<Url, Failed> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, origin)?;
        let (state, nonce) = (attempt.state(), attempt.nonce());
        // The library asks for this one itself.
        let scopes = self
            .options
            .scopes
            .iter()
            .filter(|scope| *scope != "openid");
        let request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || nonce,
            )
            .add_scopes(scopes.cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(
                &attempt.verifier(),
            ));
        let (address, _, _) = request.url();
        Ok(address)
    }

    /// Who has come back to `origin` with this code. Of the tokens nothing else is used, and nothing kept.
    pub(crate) async fn prove(
        &self,
        attempt: &Attempt,
        code: String,
        origin: &str,
    ) -> Result<Proven, Failed> {
        let metadata = self.metadata().await?;
        let tokens = self.exchange(&metadata, attempt, code, origin).await?;
        let Some(token) = tokens.id_token() else {
            tracing::warn!(provider = self.host, "the provider gave no ID token");
            return Err(Failed::Answer);
        };
        let nonce = attempt.nonce();
        let claims = match self.verified(&metadata, token, &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let metadata = self.discover().await?;
                self.verified(&metadata, token, &nonce)
            }
            verified => verified,
        };
        let claims = claims.map_err(|error| {
            let error = chain(&error);
            tracing::warn!(provider = self.host, error, "an ID token is not right");
            Failed::Answer
        })?;
        Ok(self.read(claims))
    }

    async fn exchange(
        &self,
        metadata: &CoreProviderMetadata,
        attempt: &Attempt,
        code: String,
        origin: &str,
    ) -> Result<Tokens, Failed> {
        let client = self.client(metadata, origin)?;
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|error| {
            tracing::warn!(provider = self.host, %error, "the provider names no place for tokens");
            Failed::Provider
        })?;
        let request = request.set_pkce_verifier(attempt.verifier());
        request.request_async(&self.http).await.map_err(|error| {
            // Not what lies below: it may quote a token.
            tracing::warn!(provider = self.host, %error, "the provider gave no tokens");
            match error {
                RequestTokenError::Request(_) => Failed::Provider,
                _ => Failed::Answer,
            }
        })
    }

    fn verified<'t>(
        &self,
        metadata: &CoreProviderMetadata,
        token: &'t Token,
        nonce: &Nonce,
    ) -> Result<&'t Claims, ClaimsVerificationError> {
        // As for a client without a secret: a signature is made with a key of the provider's, not with what both know.
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.options.client_id.clone()),
            self.issuer.clone(),
            metadata.jwks().clone(),
        );
        let algorithms = metadata.id_token_signing_alg_values_supported().clone();
        token.claims(&verifier.set_allowed_algs(algorithms), nonce)
    }

    fn read(&self, claims: &Claims) -> Proven {
        let subject = claims.subject().as_str().to_owned();
        let username = claims.preferred_username();
        let username = username.map(|name| name.as_str().to_owned());
        let email = || claims.email().map(|email| email.as_str().to_owned());
        Proven {
            called: username.or_else(email).unwrap_or_else(|| subject.clone()),
            groups: claims
                .additional_claims()
                .groups(&self.options.groups_claim),
            subject,
        }
    }

    fn client(&self, metadata: &CoreProviderMetadata, origin: &str) -> Result<Client, Failed> {
        let back = RedirectUrl::new(format!("{origin}{CALLBACK}")).map_err(|error| {
            tracing::warn!(origin, %error, "the provider could not send a browser back here");
            Failed::Provider
        })?;
        let ways = metadata.token_endpoint_auth_methods_supported();
        let in_the_body = ways.is_some_and(|ways| {
            ways.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        let client = Client::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.options.client_id.clone()),
            Some(ClientSecret::new(self.options.client_secret.clone())),
        );
        Ok(client.set_redirect_uri(back).set_auth_type(if in_the_body {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        }))
    }

    /// What the provider says of itself; it is asked when that is not known, so it may have been down before.
    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, Failed> {
        match self.remembered() {
            Some(metadata) => Ok(metadata),
            None => self.discover().await,
        }
    }

    fn remembered(&self) -> Option<Arc<CoreProviderMetadata>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, metadata) = known.as_ref()?;
        (at.elapsed() < REMEMBERED).then(|| Arc::clone(metadata))
    }

    async fn discover(&self) -> Result<Arc<CoreProviderMetadata>, Failed> {
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let metadata = found.map_err(|error| {
            let error = chain(&error);
            tracing::warn!(
                provider = self.host,
                error,
                "the provider does not say what it is"
            );
            Failed::Provider
        })?;
        let login = metadata.authorization_endpoint().url();
        if login.scheme() != "https" && self.options.address.scheme() == "https" {
            tracing::warn!(provider = self.host, %login, "the provider is by https, and its login is not");
            return Err(Failed::Provider);
        }
        let metadata = Arc::new(metadata);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }
}

/// An error with what it comes from.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        words.push_str(": ");
        words.push_str(&error.to_string());
        below = error.source();
    }
    words
}
