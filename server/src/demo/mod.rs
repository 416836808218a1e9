//! The demo shop of `highwater serve --demo`: its services as processes of this program, its traffic, its commands.
//!
//! They are clients of this server like any other, so that whoever kills one (from the Stage or in a terminal) sees what happens to a system of
//! services: its lag grows, the others go on, and it catches up when it is back.

mod keeper;
pub mod playing;
mod process;

use std::sync::Arc;

use highwater_demo::services::Part;
use highwater_demo::services::client::Client;
use highwater_demo::services::shopfront::Shopfront;
use highwater_model::Position;
use highwater_model::demo::{
    Demo, DemoService, DemoServiceState, DemoServiceWish, ORDERS_PER_SECOND_MAX, Traffic,
    TrafficPattern,
};
use highwater_model::{StartAt, SubscriptionBody};
use highwater_store::read_models::Order;
use highwater_store::{Store, Tasks};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::client::ServerArgs;
use keeper::Keeper;
use playing::Playhouse;

/// Events that an order brings, on the whole: 26.0 in 234 orders.
const EVENTS_PER_ORDER: f64 = 26.0;

/// How the shop is to be.
#[derive(Debug, Clone)]
pub struct Way {
    /// The server that it is a client of.
    pub server: ServerArgs,
    /// About so many events a second, at first.
    pub events_per_second: f64,
    /// What its orders follow from.
    pub seed: u64,
    /// So many times faster than usual its services work.
    pub speed: f64,
}

/// The demo shop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DemoShop(Arc<Shop>);

#[derive(Debug)]
struct Shop {
    services: Vec<Service>,
    traffic: watch::Sender<Traffic>,
    front: Shopfront,
    house: Playhouse,
    tasks: Tasks,
    gone: CancellationToken,
}

#[derive(Debug)]
struct Service {
    part: Part,
    wish: watch::Sender<DemoServiceWish>,
    /// How often it was to crash.
    crash: watch::Sender<u64>,
    now: watch::Receiver<DemoService>,
}

/// Why a service of the shop does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no such service.
    #[error("the demo shop has no service {name:?}; it has: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// It handles no events, one at a time or many.
    #[error(
        "{name} hear of no events, so they can't be slower; set the traffic instead (PUT /api/demo/traffic)"
    )]
    HearsNothing {
        /// Which.
        name: String,
    },
    /// It has no process that could crash.
    #[error("{name} is {}, so it can't crash; start it first", state.word())]
    NotThere {
        /// Which.
        name: String,
        /// How it is.
        state: DemoServiceState,
    },
}

impl DemoShop {
    /// Opens the shop.
    ///
    /// # Errors
    /// When the store can't be asked what is there.
    pub async fn open(store: &Store, way: &Way) -> anyhow::Result<Self> {
        let Way {
            server,
            events_per_second,
            ..
        } = way;
        begin_at_the_end(store).await?;
        let orders_per_second = events_per_second / EVENTS_PER_ORDER;
        let traffic = watch::Sender::new(Traffic {
            orders_per_second: if orders_per_second.is_finite() {
                orders_per_second.clamp(0.0, ORDERS_PER_SECOND_MAX)
            } else {
                1.0
            },
            pattern: TrafficPattern::Steady,
        });
        let (tasks, gone) = (Tasks::new(), CancellationToken::new());
        let keep = |part: Part| {
            let (keeper, service) = Keeper::of(part, way, traffic.subscribe());
            let token = tasks.token();
            tasks.spawn(part.name(), keeper.keep(token));
            service
        };
        let client = Client::new(server.client()?, server.url.clone(), gone.clone());
        Ok(Self(Arc::new(Shop {
            services: Part::ALL.into_iter().map(keep).collect(),
            traffic,
            front: Shopfront::new(Arc::new(client)),
            house: Playhouse::default(),
            tasks,
            gone,
        })))
    }

    /// What customers and suppliers ask of it.
    pub fn front(&self) -> &Shopfront {
        &self.0.front
    }

    /// How it is.
    pub fn now(&self) -> Demo {
        let now = |service: &Service| service.now.borrow().clone();
        Demo {
            services: self.0.services.iter().map(now).collect(),
            traffic: *self.0.traffic.borrow(),
            playing: self.0.house.now(),
        }
    }

    /// How one of its services is.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn service(&self, name: &str) -> Result<DemoService, DemoError> {
        Ok(self.named(name)?.now.borrow().clone())
    }

    /// Starts a service, slows it down, or stops it.
    ///
    /// # Errors
    /// When there is no such service, or it does nothing that could be slower.
    pub fn set(&self, name: &str, wish: DemoServiceWish) -> Result<(), DemoError> {
        let service = self.named(name)?;
        if wish == DemoServiceWish::Slow && service.part.filter().is_none() {
            return Err(DemoError::HearsNothing {
                name: name.to_owned(),
            });
        }
        service.wish.send_replace(wish);
        Ok(())
    }

    /// Kills the process of a service; it is started again in a moment.
    ///
    /// # Errors
    /// When there is no such service, or no process.
    pub fn crash(&self, name: &str) -> Result<(), DemoError> {
        let service = self.named(name)?;
        let state = service.now.borrow().state;
        if !state.is_at_work() {
            return Err(DemoError::NotThere {
                name: name.to_owned(),
                state,
            });
        }
        service.crash.send_modify(|times| *times += 1);
        Ok(())
    }

    /// From now on customers order so.
    pub fn set_traffic(&self, traffic: Traffic) {
        self.0.traffic.send_replace(traffic);
    }

    /// Stops its services; each ends what it has begun, or is killed. The server still answers meanwhile.
    pub async fn close(&self) {
        self.0.tasks.shutdown().await;
        self.0.gone.cancel();
    }

    fn named(&self, name: &str) -> Result<&Service, DemoError> {
        let services = &self.0.services;
        let found = services.iter().find(|service| service.part.name() == name);
        found.ok_or_else(|| DemoError::Unknown {
            name: name.to_owned(),
            known: Part::names(),
        })
    }
}

/// In a log of others' events, or of an earlier demo's, the shop begins with what comes next: nobody fulfils old orders once more.
async fn begin_at_the_end(store: &Store) -> Result<(), anyhow::Error> {
    if store.mark().await?.position == Position(0) {
        return Ok(());
    }
    let there = store.subscriptions().await?;
    let order = Order::new("demo", Some("the shop begins with what comes next"));
    for part in Part::ALL {
        let Some(filter) = part.filter() else {
            continue;
        };
        if there.iter().any(|one| one.name == part.name()) {
            continue;
        }
        let body = SubscriptionBody {
            filter: Some(filter.to_owned()),
            from: Some(StartAt::End),
            ..SubscriptionBody::default()
        };
        store.put_subscription(part.name(), &body, &order).await?;
    }
    Ok(())
}
