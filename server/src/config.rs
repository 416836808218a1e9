//! What `highwater serve` is told: each flag has its variable, flags win.

mod limits;
mod oidc;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use highwater_model::{Environment, LoginMode};
use ipnet::IpNet;
use reqwest::Url;

pub use limits::LimitArgs;
pub use oidc::{OidcArgs, OidcSecret};

/// Where the server listens unless it is told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:3000";
/// Events a second of the demo unless it is told otherwise.
const DEFAULT_DEMO: &str = "20";

/// `highwater serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Where to listen; without a login a loopback address [default: 127.0.0.1:3000, or the next free port]
    #[arg(long, value_name = "ADDRESS", env = "HIGHWATER_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// How one gets in
    #[arg(
        long,
        value_enum,
        default_value_t = Login::Local,
        env = "HIGHWATER_LOGIN"
    )]
    pub login: Login,

    /// The provider, where one logs in at one.
    #[command(flatten)]
    pub oidc: Box<OidcArgs>,

    /// Where browsers find the server, when that is not where it listens: https, and a proxy of yours answers there
    #[arg(long, value_name = "URL", env = "HIGHWATER_PUBLIC_URL")]
    pub public_url: Option<Url>,

    /// Proxies of yours, whose X-Forwarded-For is believed: addresses, or networks like 10.0.0.0/8
    #[arg(
        long,
        value_name = "ADDRESS",
        value_delimiter = ',',
        value_parser = crate::proxies::network,
        env = "HIGHWATER_TRUSTED_PROXIES"
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// How much is taken at once.
    #[command(flatten)]
    pub limits: Box<LimitArgs>,

    /// Answers by https with this certificate: PEM, the server's own first, then those that vouch for it. A renewed file is taken up within a minute, or on SIGHUP
    #[arg(long, value_name = "FILE", env = "HIGHWATER_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate: PEM, without a password
    #[arg(long, value_name = "FILE", env = "HIGHWATER_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// What the server looks after, by a name like staging; the console shows it
    #[arg(long, value_name = "NAME", env = "HIGHWATER_ENVIRONMENT")]
    pub environment: Option<String>,

    /// It is production: orders that change what readers see, or can lose something, are confirmed by a typed name
    #[arg(
        long,
        value_parser = BoolishValueParser::new(),
        env = "HIGHWATER_PRODUCTION"
    )]
    pub production: bool,

    /// Orders that production confirms wait for a second person, who approves them at /approvals; needs --production and a login
    #[arg(
        long,
        value_parser = BoolishValueParser::new(),
        env = "HIGHWATER_APPROVAL"
    )]
    pub approval: bool,

    /// PostgreSQL 14 or newer; without it Highwater runs one of its own [env: `HIGHWATER_DATABASE_URL`, `DATABASE_URL`]
    #[arg(
        long,
        value_name = "URL",
        hide_env = true,
        env = "HIGHWATER_DATABASE_URL"
    )]
    pub database_url: Option<String>,

    /// Where Highwater's own Postgres keeps its data
    #[arg(long, value_name = "DIR", env = "HIGHWATER_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Runs a demo shop, its services as processes of their own, that appends about so many events a second; 20 unless given
    #[arg(long, value_name = "EVENTS_PER_S", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_DEMO, env = "HIGHWATER_DEMO")]
    pub demo: Option<f64>,

    /// The number that the demo's orders follow from
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        env = "HIGHWATER_DEMO_SEED"
    )]
    pub demo_seed: u64,

    /// So many times faster than usual do the demo's services work
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.0,
        env = "HIGHWATER_DEMO_SPEED"
    )]
    pub demo_speed: f64,

    /// After SIGTERM the server is not ready any more, and answers for so many seconds longer, until those in front send nobody to it
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=600),
        env = "HIGHWATER_DRAIN"
    )]
    pub drain: u32,

    /// A folder of read models, a `.sql` file each; it is watched
    #[arg(long, value_name = "DIR", env = "HIGHWATER_READ_MODELS")]
    pub read_models: Option<PathBuf>,

    /// Sends spans of requests, appends and slices to a collector of OpenTelemetry: OTLP by HTTP, often at port 4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,

    /// What to log: error, warn, info, debug, or per module
    #[arg(
        long,
        value_name = "LEVELS",
        default_value = "info",
        env = "HIGHWATER_LOG"
    )]
    pub log: String,

    /// Logs as JSON, a line a message
    #[arg(long, env = "HIGHWATER_LOG_JSON")]
    pub log_json: bool,
}

/// How one gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Login {
    /// No login: whoever is on this machine is the admin
    Local,
    /// By name and password, programs with a token; the first admin's link is printed
    Password,
    /// At a provider of OpenID Connect (--oidc-issuer), programs with a token; groups there become roles here
    Oidc,
}

impl From<Login> for LoginMode {
    fn from(login: Login) -> Self {
        match login {
            Login::Local => Self::Local,
            Login::Password => Self::Password,
            Login::Oidc => Self::Oidc,
        }
    }
}

impl ServeArgs {
    /// What the server looks after, if that was said.
    pub fn environment(&self) -> anyhow::Result<Option<Environment>> {
        let name = self.environment.as_deref();
        Environment::named(name, self.production)
            .map_err(|error| anyhow!("--environment is {:?}; {error}", name.unwrap_or_default()))
    }

    /// A second person needs an order that is confirmed, and a name by which the two are told apart.
    pub fn check_approval(&self) -> anyhow::Result<()> {
        if self.approval && !self.production {
            bail!(
                "--approval has a second person agree to what production confirms; start the server with --production as well"
            );
        }
        if self.approval && self.login == Login::Local {
            bail!(
                "--approval takes two people, and without a login everybody is the same one; start the server with --login=password or --login=oidc"
            );
        }
        Ok(())
    }

    /// The given database. A data folder asks for the embedded one, so `DATABASE_URL` of the surroundings doesn't count then.
    pub fn database_url(&self) -> Option<String> {
        let surroundings = || {
            if self.data_dir.is_none() {
                std::env::var("DATABASE_URL").ok()
            } else {
                None
            }
        };
        self.database_url
            .clone()
            .or_else(surroundings)
            .filter(|url| !url.is_empty())
    }
}
