//! Plays one scenario, step by step.

use std::time::Duration;

use highwater_demo::scenarios::{Scenario, Step};
use highwater_demo::services::Part;
use highwater_demo::services::shopfront::{CommandError, Shopfront};
use highwater_demo::{FIXED, OPEN_FULFILMENTS};
use highwater_engine::ReadModels;
use highwater_model::demo::{DemoOrderBody, DemoOrderLine, DemoServiceWish, PlayingState, Traffic};
use highwater_model::{JobState, VersionRole};
use highwater_store::read_models::{Order, RowsQuery};
use highwater_store::{Direction, Store};
use tokio::time::Instant;
use uuid::Uuid;

use super::control::{Led, Turn};
use crate::demo::DemoShop;

/// How often it is looked whether what is waited for has happened.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What has not happened by then does not happen: an order's way takes 20 s, a service is started again after 10.
const HAPPENS_WITHIN: Duration = Duration::from_secs(90);

/// How long a read model gets to come to what was just recorded.
const HANDLED_WITHIN: Duration = Duration::from_secs(10);
/// Rows that are looked at.
const ROWS: usize = 1_000;
/// So many events wait for a service that is level: what has just come in is on its way.
const ON_ITS_WAY: i64 = 3;

/// What is waited for.
enum Awaited {
    Waits(Part, i64),
    Level(Part),
    Event(String),
    Quiet,
    Job(i64, &'static str),
}

impl Awaited {
    fn words(&self) -> String {
        match self {
            Self::Waits(part, events) => format!("until {events} events wait for {}", part.name()),
            Self::Level(part) => format!("until nothing waits for {}", part.name()),
            Self::Event(event_type) => format!("until {event_type}"),
            Self::Quiet => "until every order has ended".to_owned(),
            Self::Job(_, words) => (*words).to_owned(),
        }
    }
}

/// Plays one scenario.
pub(super) struct Player {
    shop: DemoShop,
    scenario: Scenario,
    store: Store,
    read_models: ReadModels,
    led: Led,
    /// As it was before, and is to be again.
    traffic: Traffic,
    /// The flow of the last order.
    ordered: Option<Uuid>,
}

impl Player {
    pub(super) fn new(
        shop: DemoShop,
        scenario: Scenario,
        store: Store,
        read_models: ReadModels,
    ) -> Self {
        let led = Led::by(shop.0.house.control.subscribe());
        let traffic = *shop.0.traffic.borrow();
        Self {
            shop,
            scenario,
            store,
            read_models,
            led,
            traffic,
            ordered: None,
        }
    }

    /// From the chapter that it begins with to its end.
    pub(super) async fn play(mut self) {
        let mut chapter = self.shop.0.house.now().map_or(0, |playing| playing.chapter);
        let over = loop {
            let Some(steps) = self
                .scenario
                .chapters
                .get(chapter)
                .map(|found| found.steps.clone())
            else {
                break Ok(PlayingState::Ended);
            };
            self.shop.0.say(|now| {
                now.chapter = chapter;
                now.note = None;
                now.waits_for = None;
            });
            match self.take_all(&steps).await {
                Ok(()) => chapter += 1,
                Err(Turn::Jump(to)) => {
                    // Each chapter finds the shop as the first one did, and says what it needs.
                    self.tidy();
                    chapter = to;
                }
                Err(Turn::Stop) => break Ok(PlayingState::Stopped),
                Err(Turn::Failed(why)) => break Err(why),
            }
        };
        self.tidy();
        self.shop.0.say(|now| {
            now.waits_for = None;
            match over {
                Ok(state) => now.state = state,
                Err(why) => {
                    tracing::warn!(scenario = now.scenario.name, why, "the scenario failed");
                    now.state = PlayingState::Failed;
                    now.waits_for = Some(why);
                }
            }
        });
    }

    async fn take_all(&mut self, steps: &[Step]) -> Result<(), Turn> {
        for step in steps {
            // Whoever paused it between two steps finds it there.
            self.led.pass(Duration::ZERO).await?;
            self.take(step).await?;
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Result<(), Turn> {
        match step {
            Step::Say(words) => self.shop.0.say(|now| now.caption = Some(words.clone())),
            Step::Note(words) => self.shop.0.say(|now| now.note = Some(words.clone())),
            Step::Wait(time) => drop(self.led.pass(*time).await?),
            Step::Traffic(traffic) => self.shop.set_traffic(*traffic),
            Step::Be(part, wish) => {
                self.shop.set(part.name(), *wish).map_err(failed)?;
            }
            // One that is not at work needs no crash.
            Step::Crash(part) => drop(self.shop.crash(part.name())),
            Step::Order {
                pieces,
                sku,
                customer,
                city,
            } => {
                let body = DemoOrderBody {
                    customer: customer.clone(),
                    city: city.clone(),
                    items: vec![DemoOrderLine {
                        sku: sku.clone(),
                        quantity: *pieces,
                    }],
                    id: None,
                };
                let placed = self.shop.front().place(&body).await;
                self.ordered = Some(placed.map_err(refused)?.correlation_id);
            }
            Step::UntilWaits(part, events) => self.until(Awaited::Waits(*part, *events)).await?,
            Step::UntilLevel(part) => self.until(Awaited::Level(*part)).await?,
            Step::UntilEvent(event_type) => {
                self.until(Awaited::Event(event_type.clone())).await?;
            }
            Step::CancelAll => self.cancel_all().await?,
            Step::UntilQuiet => self.until(Awaited::Quiet).await?,
            Step::Restock => self.restock().await?,
            Step::Rebuild(name) => self.rebuild(name).await?,
            Step::Promote(name) => self.promote(name).await?,
        }
        Ok(())
    }

    /// Waits until it has happened, or somebody goes on.
    async fn until(&mut self, awaited: Awaited) -> Result<(), Turn> {
        let words = awaited.words();
        self.shop.0.say(|now| now.waits_for = Some(words.clone()));
        let deadline = Instant::now() + HAPPENS_WITHIN;
        while !self.has_happened(&awaited).await? {
            if Instant::now() > deadline {
                return Err(Turn::Failed(format!(
                    "it waited {words}, for {} s in vain",
                    HAPPENS_WITHIN.as_secs()
                )));
            }
            // Looked for at the same pace however fast it is played: the shop is no faster for it.
            let speed = self.shop.0.house.control.borrow().speed;
            if self.led.pass(LOOK_EVERY.mul_f64(speed)).await? {
                break;
            }
        }
        self.shop.0.say(|now| now.waits_for = None);
        Ok(())
    }

    async fn has_happened(&self, awaited: &Awaited) -> Result<bool, Turn> {
        Ok(match awaited {
            Awaited::Waits(part, events) => self.waiting(part.name()).await? >= *events,
            Awaited::Level(part) => self.waiting(part.name()).await? <= ON_ITS_WAY,
            Awaited::Event(event_type) => self.has_come(event_type).await?,
            Awaited::Quiet => self.open_orders().await?.is_empty(),
            Awaited::Job(job, _) => {
                let job = self.store.job(*job).await.map_err(failed)?;
                match job.state {
                    JobState::Done => true,
                    JobState::Failed | JobState::Cancelled => {
                        return Err(failed(job.outcome.unwrap_or_default()));
                    }
                    JobState::Planned | JobState::Running => false,
                }
            }
        })
    }

    async fn waiting(&self, name: &str) -> Result<i64, Turn> {
        let subscription = self.store.subscription(name).await.map_err(failed)?;
        Ok(subscription.lag.matching)
    }

    async fn has_come(&self, event_type: &str) -> Result<bool, Turn> {
        let Some(flow) = self.ordered else {
            return Ok(true);
        };
        let flow = self.store.flow(flow).await.map_err(failed)?;
        Ok(flow.is_some_and(|flow| {
            // An order that came to another end is waited for no more: the bank refuses one in a dozen.
            let is_it = |one: &str| one == event_type || one == "OrderCancelled";
            flow.events.iter().any(|event| is_it(&event.event_type))
        }))
    }

    /// Orders that are under way, as the process manager's read model has them.
    async fn open_orders(&self) -> Result<Vec<String>, Turn> {
        #[derive(serde::Deserialize)]
        struct Open {
            order_name: String,
        }
        let rows = self.rows::<Open>(OPEN_FULFILMENTS.0).await?;
        Ok(rows.into_iter().map(|row| row.order_name).collect())
    }

    async fn cancel_all(&self) -> Result<(), Turn> {
        for order in self.open_orders().await? {
            let cancelled = self.shop.front().cancel(&order, "the shop begins anew");
            match cancelled.await {
                // One that has left or ended meanwhile needs it no more.
                Ok(_) | Err(CommandError::Refused(_)) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    async fn restock(&self) -> Result<(), Turn> {
        #[derive(serde::Deserialize)]
        struct Shelf {
            sku: String,
            available: Option<u64>,
        }
        let shelves = self.rows::<Shelf>("stock_levels").await?;
        for (sku, first) in Shopfront::first_pieces() {
            let shelf = shelves.iter().find(|shelf| shelf.sku == sku);
            let there = shelf.and_then(|shelf| shelf.available).unwrap_or(0);
            if there < first {
                let received = self.shop.front().receive(sku, first - there).await;
                received.map_err(refused)?;
            }
        }
        Ok(())
    }

    /// The rows of a read model, once it has handled everything that was recorded.
    async fn rows<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, Turn> {
        let head = self.store.mark().await.map_err(failed)?.position;
        let handled = self
            .read_models
            .wait_until_handled(name, head, HANDLED_WITHIN);
        handled.await.map_err(failed)?;
        let query = RowsQuery {
            role: VersionRole::Live,
            table: None,
            order: None,
            equals: None,
            direction: Direction::Forward,
            limit: ROWS,
            cursor: None,
        };
        let page = self.store.rows(name, &query).await.map_err(failed)?;
        let rows = page.rows.iter();
        rows.map(|row| serde_json::from_str(row.get()).map_err(failed))
            .collect()
    }

    async fn rebuild(&mut self, name: &str) -> Result<(), Turn> {
        let order = self.order();
        let mended = FIXED.into_iter().find(|file| file.0 == name);
        let (_, text) = mended.ok_or_else(|| failed(format!("{name} has no mended version")))?;
        let there = self.store.read_model(name).await.map_err(failed)?;
        if there
            .versions
            .iter()
            .any(|version| version.role == VersionRole::Shadow)
        {
            // Of a showing that was broken off.
            self.read_models
                .discard(name, VersionRole::Shadow, &order)
                .await
                .map_err(failed)?;
        }
        self.read_models
            .put(name, text, &order)
            .await
            .map_err(failed)?;
        let plan = self.read_models.plan_rebuild(name).await.map_err(failed)?;
        let plan = serde_json::to_value(plan).map_err(failed)?;
        let job = self.read_models.rebuild(name, &order, &plan).await;
        self.until(Awaited::Job(
            job.map_err(failed)?,
            "until the numbers are counted anew",
        ))
        .await
    }

    async fn promote(&mut self, name: &str) -> Result<(), Turn> {
        // Nobody promotes what was not compared.
        self.read_models.diff(name).await.map_err(failed)?;
        let job = self.read_models.promote(name, &self.order()).await;
        self.until(Awaited::Job(
            job.map_err(failed)?,
            "until the new numbers were seen to live",
        ))
        .await
    }

    fn order(&self) -> Order {
        let reason = format!("the scenario {:?}", self.scenario.title);
        Order::new("demo", Some(&reason))
    }

    /// The shop as it was before.
    fn tidy(&self) {
        for service in &self.shop.0.services {
            service.wish.send_if_modified(|wish| {
                let is_other = *wish != DemoServiceWish::Running;
                *wish = DemoServiceWish::Running;
                is_other
            });
        }
        self.shop.set_traffic(self.traffic);
    }
}

fn failed(why: impl std::fmt::Display) -> Turn {
    Turn::Failed(why.to_string())
}

fn refused(error: CommandError) -> Turn {
    match error {
        CommandError::Bad { why, .. } | CommandError::Missing(why) | CommandError::Refused(why) => {
            Turn::Failed(why)
        }
        CommandError::Store(error) => failed(error),
    }
}
