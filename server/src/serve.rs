//! `highwater serve`: starting and stopping, in order.

use std::future::IntoFuture;
use std::io::{ErrorKind, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use highwater_engine::{Feed, FeedOptions, ReadModelOptions, ReadModels, States, Subscriptions};
use highwater_model::LoginMode;
use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::{Store, StoreOptions, Tasks};
use leptos::config::LeptosOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::cli::client::ServerArgs;
use crate::config::ServeArgs;
use crate::demo::{DemoShop, Way};
use crate::identity::{Gate, GateOptions};
use crate::live::Boards;
use crate::site::Site;
use crate::state::{AppState, Reach};
use crate::{audit, memory, metrics, router};

/// How many ports after 3000 are tried when nobody named one.
const PORTS: u16 = 20;
/// How long the link for the first admin works, in seconds; the next start prints a new one.
const FIRST_ADMIN_S: i64 = 60 * 60;
/// How long requests that still run get at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop.
///
/// Not async itself: the embedded Postgres has to be started by the thread that lives as long as the process, for it dies with that
/// thread.
pub fn run(args: &ServeArgs) -> anyhow::Result<()> {
    memory::give_back();
    start_log(&args.log, args.log_json);
    let way_in = way_in(args)?;
    let listener = listen(args.listen, way_in.login)?;
    let (url, embedded) = match args.database_url() {
        Some(url) => (url, None),
        None => start_postgres(args).map(|postgres| (postgres.url(), Some(postgres)))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime did not start")?;
    let data_dir = embedded.is_some().then(|| data_dir(args));
    let served = runtime.block_on(serve(args, way_in, listener, &url, data_dir));
    runtime.shutdown_timeout(Duration::from_secs(5));
    if let Some(postgres) = embedded {
        postgres.stop();
    }
    served
}

/// Store → feed → read models → router → listen; then everything back in the opposite order.
async fn serve(
    args: &ServeArgs,
    way_in: GateOptions,
    listener: TcpListener,
    url: &str,
    data_dir: Option<PathBuf>,
) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let options = StoreOptions {
        application: "highwater".to_owned(),
        embedded: data_dir.is_some(),
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
        ..ReadModelOptions::default()
    };
    let read_models = ReadModels::start(store.clone(), &tasks, options);
    let stopping = CancellationToken::new();
    let site = Site::load();
    let address = listener.local_addr()?;
    let gate = Gate::new(
        store.clone(),
        GateOptions {
            port: address.port(),
            ..way_in
        },
    )?;
    let gate = Arc::new(gate);
    gate.watch(&tasks);
    audit::start(store.clone(), &tasks);
    let demo = match args.demo {
        Some(rate) => Some(open_demo(&store, &gate, address, rate, args).await?),
        None => None,
    };
    let state = AppState::from(Reach {
        boards: Boards::start(&store, &tasks),
        states: States::new(store.clone()),
        subscriptions: Subscriptions::start(store.clone(), feed.clone(), &tasks),
        gate: Arc::clone(&gate),
        store,
        feed,
        read_models,
        demo: demo.clone(),
        stopping: stopping.clone(),
        data_dir,
        metrics: metrics::install(),
        leptos: LeptosOptions::builder()
            .output_name(site.js.clone())
            .site_root("target/site")
            .site_pkg_dir("pkg")
            .build(),
        site: Arc::new(site),
    });
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let app = router::router(state);
    say_where(address, demo.is_some());
    say_first_admin(&gate, address).await?;

    let server = axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stopping.clone().cancelled_owned())
    .into_future();
    tokio::pin!(server);
    let ended = tokio::select! {
        ended = &mut server => ended,
        signal = told_to_stop() => {
            tracing::info!(signal = signal?, "stopping");
            if let Some(demo) = &demo {
                // Its services give back what they have, which takes a server that answers.
                tokio::select! {
                    () = demo.close() => {}
                    _ = &mut server => {}
                }
            }
            stopping.cancel();
            if let Ok(ended) = tokio::time::timeout(DRAIN, &mut server).await { ended } else {
                tracing::warn!("some requests still ran after {} s and were cut off", DRAIN.as_secs());
                Ok(())
            }
        }
    };
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
    let server = ServerArgs { url, token };
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
    if login == LoginMode::Password && listens_to_all && origin.is_none() {
        bail!(
            "passwords would travel in plain text. Let a proxy of yours answer by https, and name where: --public-url https://highwater.example \
             (and --trusted-proxies, its address, so that logins are slowed by who tries them); or listen on 127.0.0.1."
        );
    }
    if login == LoginMode::Local && origin.is_some() {
        bail!("--public-url is for a server with a login; start it with --login=password");
    }
    Ok(GateOptions {
        login,
        origin,
        proxies: args.trusted_proxies.clone(),
        port: 0,
    })
}

/// The address that was named or the first free one of loopback.
fn listen(named: Option<SocketAddr>, login: LoginMode) -> anyhow::Result<TcpListener> {
    let listener = match named {
        Some(address) if login == LoginMode::Local && !address.ip().is_loopback() => bail!(
            "{address} is not a loopback address, and without a login everybody who reaches the server is its admin; \
             start it with --login=password, or listen on 127.0.0.1 and reach it from elsewhere through an SSH tunnel."
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

/// Starts to log to standard error: these levels, as JSON or for people.
pub(crate) fn start_log(levels: &str, json: bool) {
    let levels = EnvFilter::try_new(levels).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only when a log is installed already, and then that one is used.
    let _: Result<_, _> = if json {
        log.json().try_init()
    } else {
        log.try_init()
    };
}

/// Where the first admin gets in, when there is none yet.
#[expect(
    clippy::print_stdout,
    reason = "a secret, which does not belong in a log"
)]
async fn say_first_admin(gate: &Gate, address: SocketAddr) -> anyhow::Result<()> {
    if let Some(path) = gate.first_admin(FIRST_ADMIN_S).await? {
        let here = format!("http://{address}");
        let place = gate.origin().unwrap_or(&here);
        println!("There is no admin yet. Become the first, within an hour, at {place}{path}");
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the one line that a person or a script waits for"
)]
fn say_where(address: SocketAddr, has_demo: bool) {
    println!("Highwater is at http://{address}/");
    if std::io::stdout().is_terminal() {
        // The commands look for port 3000 by themselves.
        let url = if address.port() == 3000 {
            String::new()
        } else {
            format!(" --url http://{address}")
        };
        let program = program();
        if has_demo {
            println!(
                "  http://{address}/stage   its services, and what flows between them; stop one and see"
            );
            println!("  http://{address}/shop    order something yourself");
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
