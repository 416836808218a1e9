//! `highwater serve`: starting and stopping, in order.

mod greeting;
mod listen;
mod way_in;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::middleware::from_fn_with_state;
use highwater_engine::{Feed, FeedOptions, ReadModelOptions, ReadModels, States, Subscriptions};
use highwater_model::Environment;
use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::{Store, StoreOptions, Tasks};
use leptos::config::LeptosOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use greeting::{say_first_admin, say_where};
use listen::listen;
use way_in::way_in;

use crate::alerts::Alerts;
use crate::cli::client::ServerArgs;
use crate::config::ServeArgs;
use crate::demo::{DemoShop, Way};
use crate::door::Door;
use crate::drain::{self, Leaving};
use crate::identity::{Approvals, Gate, GateOptions};
use crate::limits::Limits;
use crate::live::Boards;
use crate::proxies::Proxies;
use crate::site::Site;
use crate::state::{AppState, Reach};
use crate::tls::Tls;
use crate::traces::{self, Traces};
use crate::{alerts, audit, log, memory, metrics, router};

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
    let bounds = args.limits.bounds(&Proxies::of(&args.trusted_proxies));
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
