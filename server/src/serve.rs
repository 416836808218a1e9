//! `highwater serve`: starting and stopping, in order.

use std::future::IntoFuture;
use std::io::{ErrorKind, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use highwater_engine::{Feed, FeedOptions, ReadModelOptions, ReadModels, States, Subscriptions};
use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::{Store, StoreOptions, Tasks};
use leptos::config::LeptosOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::cli::client::ServerArgs;
use crate::config::ServeArgs;
use crate::demo::{DemoShop, Way};
use crate::live::Boards;
use crate::site::Site;
use crate::state::{AppState, Reach};
use crate::{memory, metrics, router};

/// How many ports after 3000 are tried when nobody named one.
const PORTS: u16 = 20;
/// How long requests that still run get at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop.
///
/// Not async itself: the embedded Postgres has to be started by the thread that lives as long as the process, for it dies with that
/// thread.
pub fn run(args: &ServeArgs) -> anyhow::Result<()> {
    memory::give_back();
    start_log(&args.log, args.log_json);
    let listener = listen(args.listen)?;
    let (url, embedded) = match args.database_url() {
        Some(url) => (url, None),
        None => start_postgres(args).map(|postgres| (postgres.url(), Some(postgres)))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime did not start")?;
    let data_dir = embedded.is_some().then(|| data_dir(args));
    let served = runtime.block_on(serve(args, listener, &url, data_dir));
    runtime.shutdown_timeout(Duration::from_secs(5));
    if let Some(postgres) = embedded {
        postgres.stop();
    }
    served
}

/// Store → feed → read models → router → listen; then everything back in the opposite order.
async fn serve(
    args: &ServeArgs,
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
    let demo = match args.demo {
        Some(rate) => Some(open_demo(&store, address, rate, args).await?),
        None => None,
    };
    let state = AppState::from(Reach {
        boards: Boards::start(&store, &tasks),
        states: States::new(store.clone()),
        subscriptions: Subscriptions::start(store.clone(), feed.clone(), &tasks),
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

    let server = axum::serve(listener, app)
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
    address: SocketAddr,
    events_per_second: f64,
    args: &ServeArgs,
) -> anyhow::Result<DemoShop> {
    let url = format!("http://{address}/").parse()?;
    let server = ServerArgs { url };
    let way = Way {
        server,
        events_per_second,
        seed: args.demo_seed,
        speed: args.demo_speed,
    };
    let opened = DemoShop::open(store, &way);
    opened.await.context("the demo shop did not open")
}

/// A loopback address, the one that was named or the first free one.
fn listen(named: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    let listener = match named {
        Some(address) if !address.ip().is_loopback() => bail!(
            "{address} is not a loopback address. There is no login yet, so everybody who reaches the server is its operator; \
             listen on 127.0.0.1 and reach it from elsewhere through an SSH tunnel."
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
