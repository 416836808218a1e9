//! A small provider of OpenID Connect, which lets whoever comes in at once. What it asks of its client it asks strictly.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use highwater::identity::{OidcOptions, RoleOfGroup};
use highwater_model::Role;
use highwater_store::Tasks;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CLIENT: &str = "highwater";
const SECRET: &str = "of-the-client";

/// What it does wrong, or refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    Denied,
    WrongNonce,
    WrongAudience,
    WrongIssuer,
    Expired,
    BadSignature,
    UnknownKey,
    NoIdToken,
}

/// One that ends with the test.
pub(crate) struct Provider {
    shared: Shared,
    tasks: Tasks,
}

#[derive(Clone)]
struct Shared {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// What it says of who logs in.
    claims: Value,
    twist: Option<Twist>,
    key: Key,
    keys_asked: u32,
    is_down: bool,
    /// Logins that have a code, and no tokens yet.
    begun: HashMap<String, HashMap<String, String>>,
}

struct Key {
    number: u32,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(number: u32) -> Self {
        let (way, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(way, made.as_ref(), &random).unwrap();
        Self { number, pair }
    }

    fn id(&self) -> String {
        format!("key-{}", self.number)
    }

    fn public(&self) -> Value {
        // A byte that says that it is not shortened, then x and y.
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "use": "sig", "crv": "P-256", "alg": "ES256", "kid": self.id(),
            "x": url_safe(&point[1..33]), "y": url_safe(&point[33..])
        })
    }

    fn sign(&self, id: &str, claims: &Value) -> String {
        let head = json!({"alg": "ES256", "typ": "JWT", "kid": id});
        let parts = [head.to_string(), claims.to_string()];
        let message = parts.map(|part| url_safe(part.as_bytes())).join(".");
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", url_safe(signature.unwrap().as_ref()))
    }
}

impl Provider {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Inner {
            claims: json!({"sub": "nobody"}),
            twist: None,
            key: Key::new(1),
            keys_asked: 0,
            is_down: false,
            begun: HashMap::new(),
        };
        let shared = Shared {
            address: listener.local_addr().unwrap(),
            inner: Arc::new(Mutex::new(inner)),
        };
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .layer(from_fn_with_state(shared.clone(), unless_down))
            .with_state(shared.clone());
        let tasks = Tasks::new();
        tasks.spawn("provider of a test", async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self { shared, tasks }
    }

    /// As people know it.
    pub(crate) fn host(&self) -> String {
        self.shared.address.to_string()
    }

    /// What a server is told of it.
    pub(crate) fn options(&self) -> OidcOptions {
        options(&self.shared.issuer())
    }

    /// Who logs in from now on.
    pub(crate) fn knows(&self, subject: &str, username: &str, groups: &[&str]) {
        self.inner().claims =
            json!({"sub": subject, "preferred_username": username, "groups": groups});
    }

    /// What it does wrong from now on.
    pub(crate) fn twist(&self, twist: Option<Twist>) {
        self.inner().twist = twist;
    }

    /// Whether it answers.
    pub(crate) fn goes_down(&self, is_down: bool) {
        self.inner().is_down = is_down;
    }

    /// Signs with another key from now on, and no longer with the one before.
    pub(crate) fn rotate(&self) {
        let mut inner = self.inner();
        let number = inner.key.number + 1;
        inner.key = Key::new(number);
    }

    /// How often its keys were asked for.
    pub(crate) fn keys_asked(&self) -> u32 {
        self.inner().keys_asked
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

impl Shared {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// What a server is told of the provider of this name.
pub(crate) fn options(issuer: &str) -> OidcOptions {
    let of = |group: &str, role| RoleOfGroup {
        group: group.to_owned(),
        role,
    };
    OidcOptions {
        issuer: issuer.to_owned(),
        address: issuer.parse().unwrap(),
        client_id: CLIENT.to_owned(),
        client_secret: SECRET.to_owned(),
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        groups_claim: "groups".to_owned(),
        roles: vec![of("hw-admins", Role::Admin), of("staff", Role::Viewer)],
    }
}

async fn unless_down(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let is_down = shared.inner.lock().unwrap().is_down;
    if is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

async fn discovery(State(shared): State<Shared>) -> Json<Value> {
    let issuer = shared.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"]
    }))
}

async fn keys(State(shared): State<Shared>) -> Json<Value> {
    let mut inner = shared.inner.lock().unwrap();
    inner.keys_asked += 1;
    Json(json!({"keys": [inner.key.public()]}))
}

async fn authorize(
    State(shared): State<Shared>,
    Query(asked): Query<HashMap<String, String>>,
) -> Redirect {
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["client_id"], CLIENT);
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["scope"], "openid profile");
    let (back, state) = (&asked["redirect_uri"], &asked["state"]);
    assert!(back.ends_with("/login/oidc/callback"), "{back}");
    let mut inner = shared.inner.lock().unwrap();
    if inner.twist == Some(Twist::Denied) {
        return Redirect::to(&format!("{back}?error=access_denied&state={state}"));
    }
    let code = format!("code-{}", &url_safe(&Sha256::digest(state))[..16]);
    // It says more than the standard asks for, as others do.
    let place = format!("{back}?state={state}&session_state=x&code={code}");
    inner.begun.insert(code, asked);
    Redirect::to(&place)
}

async fn token(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(sent): Form<HashMap<String, String>>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let wrong = |what: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": what})));
    let basic = BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    if headers[header::AUTHORIZATION] != format!("Basic {basic}") {
        return Err(wrong("invalid_client"));
    }
    let mut inner = shared.inner.lock().unwrap();
    let begun = inner.begun.remove(&sent["code"]);
    let begun = begun.ok_or_else(|| wrong("invalid_grant"))?;
    let challenge = url_safe(&Sha256::digest(&sent["code_verifier"]));
    if sent["grant_type"] != "authorization_code"
        || sent["redirect_uri"] != begun["redirect_uri"]
        || challenge != begun["code_challenge"]
    {
        return Err(wrong("invalid_grant"));
    }
    let mut answer = json!({"access_token": "of-no-use-here", "token_type": "Bearer"});
    if inner.twist != Some(Twist::NoIdToken) {
        answer["id_token"] = id_token(&shared.issuer(), &inner, &begun["nonce"]).into();
    }
    Ok(Json(answer))
}

fn id_token(issuer: &str, inner: &Inner, nonce: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_secs();
    let mut claims = inner.claims.clone();
    claims["iss"] = issuer.into();
    claims["aud"] = CLIENT.into();
    claims["iat"] = now.into();
    claims["exp"] = (now + 60).into();
    claims["nonce"] = nonce.into();
    let id = inner.key.id();
    match inner.twist {
        None | Some(Twist::Denied | Twist::NoIdToken) => {}
        Some(Twist::WrongNonce) => claims["nonce"] = "of another login".into(),
        Some(Twist::WrongAudience) => claims["aud"] = "another-client".into(),
        Some(Twist::WrongIssuer) => claims["iss"] = "https://another.example".into(),
        Some(Twist::Expired) => claims["exp"] = (now - 60).into(),
        Some(Twist::BadSignature) => return Key::new(inner.key.number).sign(&id, &claims),
        Some(Twist::UnknownKey) => return Key::new(0).sign("of-another-provider", &claims),
    }
    inner.key.sign(&id, &claims)
}

fn url_safe(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
