//! Keeps a service at work: fetches what its subscription has, does several things at once, says what became of them.

use std::sync::Arc;
use std::time::Duration;

use highwater_model::{
    AcknowledgeBody, Delivery, FailedDelivery, FetchBody, Fetched, Position, SubscriptionBody,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::aggregate::{Aggregates, Outcome};
use super::cause::{Cause, chance_of};
use super::client::{Client, ClientError};
use super::lead::Led;
use super::service::{Heard, Service};

/// How long a fetch waits for events, in seconds.
const WAIT_S: i64 = 20;
/// What is not acknowledged after so many seconds of the shop goes to others: more than twice the slowest step.
const ACKNOWLEDGE_WITHIN_S: f64 = 15.0;
/// After so many failures an event is parked. That a service was killed counts as one of what it was at, and here they are killed for show.
const ATTEMPTS: i32 = 20;

/// How a service works.
#[derive(Debug, Clone)]
pub struct Options {
    /// So many times faster than usual.
    pub speed: f64,
    /// Seconds after which an event goes to somebody else, if its service was killed; as the speed makes sense unless given.
    pub acknowledge_within_s: Option<i32>,
    /// How long an order waits for its payment, its goods or its parcel.
    pub patience: Duration,
}

impl Options {
    fn acknowledge_within_s(&self) -> i32 {
        let usual = (ACKNOWLEDGE_WITHIN_S / self.speed.min(1.0)).min(3_600.0);
        #[expect(clippy::cast_possible_truncation, reason = "15 to 3,600")]
        let usual = usual as i32;
        self.acknowledge_within_s.unwrap_or(usual)
    }
}

/// What a task of the runner has come to.
enum Ended {
    Fetched(Result<Fetched, ClientError>),
    Handled(Position, Result<(), ClientError>),
}

/// What all tasks of a service share.
struct Worker<S: Service> {
    aggregates: Aggregates<S::Aggregate>,
    client: Arc<Client>,
    member: String,
    speed: f64,
    at_once: watch::Receiver<usize>,
    stop: CancellationToken,
}

/// Runs a service until it is told to stop; what it has begun it ends, the rest it gives back.
///
/// # Errors
/// When the server refuses what every service needs.
pub async fn run<S: Service>(
    client: &Arc<Client>,
    options: &Options,
    led: &Led,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    let body = SubscriptionBody {
        filter: Some(S::FILTER.to_owned()),
        attempts: Some(ATTEMPTS),
        acknowledge_within_s: Some(options.acknowledge_within_s()),
        ..SubscriptionBody::default()
    };
    S::OWN.bring(S::NAME, client).await?;
    let now = client.subscribe(S::NAME, &body).await?;
    tracing::info!(service = S::NAME, checkpoint = %now.checkpoint, "at work");
    let worker = Arc::new(Worker::<S> {
        aggregates: Aggregates::new(Arc::clone(client)),
        client: Arc::clone(client),
        // Of each process another: what a killed one had is given to the next when its time is over, never as if it were still there.
        member: format!("{}-{}", S::NAME, std::process::id()),
        speed: options.speed,
        at_once: led.at_once.clone(),
        stop: stop.clone(),
    });
    let member = worker.member.clone();
    let done = worker.work().await;
    match client.release(S::NAME, &member).await {
        // A server that is away takes it back when its time is over.
        Ok(()) | Err(ClientError::Stopped | ClientError::Missing) => {}
        Err(error) => tracing::warn!(service = S::NAME, %error, "what it had is not given back"),
    }
    tracing::info!(service = S::NAME, "stopped");
    done
}

impl<S: Service> Worker<S> {
    async fn work(self: Arc<Self>) -> Result<(), ClientError> {
        let mut tasks: JoinSet<Ended> = JoinSet::new();
        let (mut fetching, mut at_work) = (false, 0);
        loop {
            if !fetching && at_work < self.at_once() && !self.stop.is_cancelled() {
                fetching = true;
                let worker = Arc::clone(&self);
                tasks.spawn(async move { Ended::Fetched(worker.fetch().await) });
            }
            let Some(first) = tasks.join_next().await else {
                return Ok(());
            };
            let mut said = AcknowledgeBody {
                member: self.member.clone(),
                ..AcknowledgeBody::default()
            };
            let mut next = Some(first);
            while let Some(ended) = next {
                // A panic is a bug of the service: it ends, and says so.
                match ended.map_err(|error| ClientError::Refused(error.to_string()))? {
                    Ended::Fetched(fetched) => {
                        fetching = false;
                        for delivery in given(fetched)? {
                            at_work += 1;
                            let worker = Arc::clone(&self);
                            tasks.spawn(async move { worker.take(delivery).await });
                        }
                    }
                    Ended::Handled(position, outcome) => {
                        at_work -= 1;
                        note(&mut said, position, outcome);
                    }
                }
                next = tasks.try_join_next();
            }
            self.say(&said).await?;
        }
    }

    fn at_once(&self) -> usize {
        *self.at_once.borrow()
    }

    async fn fetch(&self) -> Result<Fetched, ClientError> {
        let body = FetchBody {
            member: self.member.clone(),
            at_most: i64::try_from(self.at_once()).ok(),
            wait_s: Some(WAIT_S),
            ..FetchBody::default()
        };
        tokio::select! {
            fetched = self.client.fetch(S::NAME, &body) => fetched,
            () = self.stop.cancelled() => Err(ClientError::Stopped),
        }
    }

    async fn take(&self, delivery: Delivery) -> Ended {
        let heard = Heard::new(delivery.event);
        let (from, to) = S::takes_ms(heard.event_type());
        let ms = chance_of(heard.event.id, S::NAME).between(from, to);
        #[expect(clippy::cast_precision_loss, reason = "some seconds")]
        let working = Duration::from_secs_f64(ms as f64 / 1_000.0 / self.speed);
        let position = heard.event.position;
        tokio::select! {
            () = tokio::time::sleep(working) => Ended::Handled(position, self.handle(&heard).await),
            () = self.stop.cancelled() => Ended::Handled(position, Err(ClientError::Stopped)),
        }
    }

    async fn handle(&self, heard: &Heard) -> Result<(), ClientError> {
        let cause = Cause::event(S::NAME, &heard.event);
        for (stream, command) in S::react(heard) {
            match self.aggregates.handle(&stream, &command, &cause).await? {
                Outcome::Refused(refusal) => {
                    // An answer like any other: to ask again would not change it.
                    tracing::info!(service = S::NAME, %stream, why = refusal.0, "refused");
                }
                outcome => tracing::debug!(service = S::NAME, %stream, ?outcome, "handled"),
            }
        }
        Ok(())
    }

    async fn say(&self, said: &AcknowledgeBody) -> Result<(), ClientError> {
        if said.acknowledge.is_empty() && said.failed.is_empty() {
            return Ok(());
        }
        match self.client.acknowledge(S::NAME, said).await {
            Ok(answer) => {
                let late = answer.not_held.len();
                if late > 0 {
                    tracing::debug!(
                        service = S::NAME,
                        late,
                        "taken back meanwhile; it comes again"
                    );
                }
                Ok(())
            }
            // It comes again when this service does.
            Err(ClientError::Stopped) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn given(fetched: Result<Fetched, ClientError>) -> Result<Vec<Delivery>, ClientError> {
    match fetched {
        Ok(fetched) => Ok(fetched.deliveries),
        Err(ClientError::Stopped) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn note(said: &mut AcknowledgeBody, position: Position, outcome: Result<(), ClientError>) {
    match outcome {
        Ok(()) => said.acknowledge.push(position),
        // Neither done nor failed: it is given back.
        Err(ClientError::Stopped) => {}
        Err(error) => said.failed.push(FailedDelivery {
            position,
            error: error.to_string(),
        }),
    }
}
