//! `highwater serve`: starting and stopping, in order.

use std::io::{ErrorKind, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::middleware::from_fn_with_state;
use highwater_engine::{Feed, FeedOptions, ReadModelOptions, ReadModels, States, Subscriptions};
use highwater_model::{Environment, LoginMode};
use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::{Store, StoreOptions, Tasks};
use leptos::config::LeptosOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::alerts::Alerts;
use crate::cli::client::ServerArgs;
use crate::config::ServeArgs;
use crate::demo::{DemoShop, Way};
use crate::door::Door;
use crate::drain::{self, Leaving};
use crate::identity::{Approvals, Gate, GateOptions};
use crate::limits::Limits;
use crate::live::Boards;
use crate::site::Site;
use crate::state::{AppState, Reach};
use crate::tls::Tls;
use crate::traces::{self, Traces};
use crate::{alerts, audit, log, memory, metrics, router};

/// How many ports after 3000 are tried when nobody named one.
const PORTS: u16 = 20;
/// How long the link for the first admin works, in seconds; the next start prints a new one.
const FIRST_ADMIN_S: i64 = 60 * 60;
/// How long requests that still run get at the end.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop.
///
/// Not async itself: the embedded Postgres has to be started by the thread that lives as long as the process, for it dies with that
/// thread.
pub fn run(args: &ServeArgs) -> anyhow::Result<()> {
    memory::give_back();
    let traces = match args.otlp_endpoint()? {
        Some(collector) => Some(Traces::to(&collector)?),
        None => None,
    };
    log::start(&args.log, args.log_json, traces.as_ref());
    let way_in = way_in(args)?;
    let environment = args.environment()?;
    args.check_approval()?;
    let tls = Tls::of(args)?;
    let door = Door::new(listen(args.listen, way_in.login)?, tls)?;
    let (url, embedded) = match args.database_url() {
        Some(url) => (url, None),
        None => start_postgres(args).map(|postgres| (postgres.url(), Some(postgres)))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime did not start")?;
    let data_dir = embedded.is_some().then(|| data_dir(args));
    let served = runtime.block_on(serve(args, way_in, environment, door, &url, data_dir));
    runtime.shutdown_timeout(Duration::from_secs(5));
    if let Some(traces) = traces {
        traces.end();
    }
    if let Some(postgres) = embedded {
        postgres.stop();
    }
    served
}

/// Store → feed → read models → router → listen; then everything back in the opposite order.
async fn serve(
    args: &ServeArgs,
    way_in: GateOptions,
    environment: Option<Environment>,
    door: Door,
    url: &str,
    data_dir: Option<PathBuf>,
) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let options = StoreOptions {
        application: "highwater".to_owned(),
        embedded: data_dir.is_some(),
        queue_bytes: args.limits.queue_bytes,
        ..StoreOptions::default()
    };
    let store = Store::open(url, options, &tasks)
        .await
        .context("the store did not open")?;
    let feed = Feed::start(store.clone(), &tasks, FeedOptions::default())
        .await
        .context("the feed did not start")?;
    let options = ReadModelOptions {
        folder: args.read_models.clone(),
        link: traces::LINK,
        ..ReadModelOptions::default()
    };
    let read_models = ReadModels::start(store.clone(), &tasks, options);
    let leaving = Leaving {
        draining: CancellationToken::new(),
        stopping: CancellationToken::new(),
        pause: Duration::from_secs(args.drain.into()),
    };
    let site = Site::load();
    let here = door.url();
    let gate = Gate::new(
        store.clone(),
        GateOptions {
            port: door.address().port(),
            ..way_in
        },
    )?;
    let gate = Arc::new(gate);
    gate.watch(&tasks);
    audit::start(store.clone(), &tasks);
    let demo = match args.demo {
        Some(rate) => Some(open_demo(&store, &gate, door.house(), rate, args).await?),
        None => None,
    };
    let state = AppState::from(Reach {
        boards: Boards::start(&store, &tasks),
        states: States::new(store.clone()),
        subscriptions: Subscriptions::start(store.clone(), feed.clone(), &tasks),
        probed: tokio::sync::Mutex::default(),
        alerts: Alerts::of(gate.origin().unwrap_or(&here)),
        limits: Limits::start(&args.limits.options(gate.login()), &tasks),
        gate: Arc::clone(&gate),
        environment,
        approvals: args.approval.then(|| Approvals::new(&tasks)),
        store,
        feed,
        read_models,
        demo: demo.clone(),
        draining: leaving.draining.clone(),
        stopping: leaving.stopping.clone(),
        data_dir,
        metrics: metrics::start(&tasks),
        leptos: LeptosOptions::builder()
            .output_name(site.js.clone())
            .site_root("target/site")
            .site_pkg_dir("pkg")
            .build(),
        site: Arc::new(site),
    });
    alerts::start(&state, &tasks);
    let elsewhere = from_fn_with_state(leaving.draining.clone(), drain::send_elsewhere);
    let app = router::router(state).layer(elsewhere);
    let bounds = args.limits.bounds(&args.trusted_proxies);
    let server = door.answer(app, bounds, &leaving.stopping, &tasks)?;
    say_where(&here, demo.is_some());
    say_first_admin(&gate, &here).await?;

    let ended = leaving.when_told(server, demo.as_ref()).await?;
    tasks.shutdown().await;
    tracing::info!("stopped");
    ended.context("the server ended")
}

async fn open_demo(
    store: &Store,
    gate: &Gate,
    address: SocketAddr,
    events_per_second: f64,
    args: &ServeArgs,
) -> anyhow::Result<DemoShop> {
    let url = format!("http://{address}/").parse()?;
    let token = gate.house_token().map(|token| token.to_owned().into());
    let server = ServerArgs {
        url,
        token,
        ca_file: None,
    };
    let way = Way {
        server,
        events_per_second,
        seed: args.demo_seed,
        speed: args.demo_speed,
    };
    let opened = DemoShop::open(store, &way);
    opened.await.context("the demo shop did not open")
}

/// How one gets in, if what was said of it fits together.
fn way_in(args: &ServeArgs) -> anyhow::Result<GateOptions> {
    let login = LoginMode::from(args.login);
    let listens_to_all = args
        .listen
        .is_some_and(|address| !address.ip().is_loopback());
    let origin = match &args.public_url {
        None => None,
        Some(url) if url.scheme() == "https" && url.path() == "/" => {
            Some(url.origin().ascii_serialization())
        }
        Some(url) => bail!(
            "--public-url is {url}; it is https, and a host without a path, like https://highwater.example"
        ),
    };
    let tls = args.tls_cert.is_some();
    if login == LoginMode::Password && listens_to_all && origin.is_none() && !tls {
        bail!(
            "passwords would travel in plain text. Give the server a certificate: --tls-cert FILE --tls-key FILE; or let a proxy of yours \
             answer by https, and name where: --public-url https://highwater.example (and --trusted-proxies, its address, so that logins \
             are slowed by who tries them); or listen on 127.0.0.1."
        );
    }
    if login == LoginMode::Oidc && listens_to_all && origin.is_none() {
        bail!(
            "the provider has to know where it sends browsers back to. Name where they find this server: --public-url https://highwater.example \
             (https by a proxy of yours, or by --tls-cert FILE --tls-key FILE); or listen on 127.0.0.1."
        );
    }
    if login == LoginMode::Local && origin.is_some() {
        bail!(
            "--public-url is for a server with a login; start it with --login=password or --login=oidc"
        );
    }
    let provider = match login {
        LoginMode::Oidc => Some(args.oidc.options()?),
        LoginMode::Local | LoginMode::Password if args.oidc.oidc_issuer.is_some() => {
            bail!(
                "--oidc-issuer is for a server at whose provider one logs in; start it with --login=oidc"
            )
        }
        LoginMode::Local | LoginMode::Password => None,
    };
    Ok(GateOptions {
        login,
        provider,
        origin,
        proxies: args.trusted_proxies.clone(),
        port: 0,
        tls,
    })
}

/// The address that was named or the first free one of loopback.
fn listen(named: Option<SocketAddr>, login: LoginMode) -> anyhow::Result<TcpListener> {
    let listener = match named {
        Some(address) if login == LoginMode::Local && !address.ip().is_loopback() => bail!(
            "{address} is not a loopback address, and without a login everybody who reaches the server is its admin; \
             start it with --login=password or --login=oidc, or listen on 127.0.0.1 and reach it from elsewhere through an SSH tunnel."
        ),
        Some(address) => TcpListener::bind(address)
            .with_context(|| format!("can't listen on {address}; is another Highwater running? --listen takes another port"))?,
        None => first_free()?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn first_free() -> anyhow::Result<TcpListener> {
    for port in 3000..3000 + PORTS {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            bound => return bound.with_context(|| format!("can't listen on 127.0.0.1:{port}")),
        }
    }
    bail!(
        "ports 3000 to {} are all in use; name another one with --listen 127.0.0.1:PORT",
        3000 + PORTS - 1
    )
}

fn start_postgres(args: &ServeArgs) -> anyhow::Result<Embedded> {
    let mut notice = |text: &str| tracing::info!("{text}");
    let binaries = Binaries::find_or_fetch(&mut notice)?;
    Ok(Embedded::start(
        &binaries,
        &Options::new(data_dir(args)),
        &mut notice,
    )?)
}

/// Where a Postgres of Highwater's own keeps its data.
fn data_dir(args: &ServeArgs) -> PathBuf {
    args.data_dir
        .clone()
        .unwrap_or_else(highwater_postgres::default_data_dir)
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn told_to_stop() -> anyhow::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}

/// Where the first admin gets in, when there is none yet.
#[expect(
    clippy::print_stdout,
    reason = "a secret, which does not belong in a log"
)]
async fn say_first_admin(gate: &Gate, here: &str) -> anyhow::Result<()> {
    if let Some(path) = gate.first_admin(FIRST_ADMIN_S).await? {
        let place = gate.origin().unwrap_or(here);
        println!("There is no admin yet. Become the first, within an hour, at {place}{path}");
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the one line that a person or a script waits for"
)]
fn say_where(here: &str, has_demo: bool) {
    println!("Highwater is at {here}/");
    if std::io::stdout().is_terminal() {
        // The commands look for port 3000 by themselves.
        let url = if here.starts_with("http://") && here.ends_with(":3000") {
            String::new()
        } else {
            format!(" --url {here}")
        };
        let program = program();
        if has_demo {
            println!(
                "  {here}/stage   its services, and what flows between them; stop one and see"
            );
            println!("  {here}/shop    order something yourself");
        }
        println!("\nIn another terminal:");
        println!("  {program} tail{url} 'type:Order*'         events as they are recorded");
        println!(
            "  {program} import{url} events.ndjson.gz    a log of your own; it can be stopped and run again"
        );
        println!("  {program} doctor{url}                     whether all is well");
        println!("Ctrl-C stops it; what was recorded stays.\n");
    }
}

/// This program as a person would type it here.
fn program() -> String {
    let called = std::env::args()
        .next()
        .unwrap_or_else(|| "highwater".to_owned());
    std::env::current_dir()
        .ok()
        .and_then(|here| {
            let below = Path::new(&called).strip_prefix(here).ok()?;
            Some(below.display().to_string())
        })
        .unwrap_or(called)
}
