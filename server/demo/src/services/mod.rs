//! The shop as services of their own, each a process if one likes: they share nothing but events, and use Highwater as any program would,
//! by its HTTP API.
//!
//! Each is killed and started again without harm. What it was told of comes again ([`runner`]); what it decides follows from its streams alone
//! ([`aggregate`]); the ids of its events follow from their cause ([`cause`]), so what is done twice is recorded once.
//!
//! # Adding a service
//! A file with its write model (an [`Aggregate`](aggregate::Aggregate)) and what it hears of (a [`Service`]), a variant of
//! [`Part`], an arm in [`run`]. What leads an order to it stands in [`fulfilment`] and [`fulfilments`].

pub mod aggregate;
pub mod cause;
pub mod client;
pub mod customers;
pub mod fulfilment;
pub mod fulfilments;
pub mod lead;
pub mod notifications;
pub mod orders;
pub mod own;
pub mod payments;
pub mod runner;
pub mod service;
pub mod shipping;
pub mod shopfront;
pub mod step;
pub mod stock;
pub mod time_outs;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use aggregate::Aggregates;
use cause::{Cause, id_of};
use client::{Client, ClientError};
use customers::Customers;
use lead::Led;
use runner::Options;
use service::Service;

use crate::shop::GOODS;

/// A part of the shop that runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Keeps orders.
    Orders,
    /// Takes payments.
    Payments,
    /// Keeps the pieces of each good.
    Stock,
    /// Sends parcels.
    Shipping,
    /// Tells customers.
    Notifications,
    /// Leads orders through the others.
    Fulfilment,
    /// Place orders.
    Customers,
}

impl Part {
    /// Its name, which is its subscription's, too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orders => orders::Orders::NAME,
            Self::Payments => payments::Payments::NAME,
            Self::Stock => stock::Stocks::NAME,
            Self::Shipping => shipping::Shipping::NAME,
            Self::Notifications => notifications::Notifications::NAME,
            Self::Fulfilment => fulfilments::Fulfilments::NAME,
            Self::Customers => "customers",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// All names, to tell somebody who named none of them.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// What it does, in few words.
    pub fn does(self) -> &'static str {
        match self {
            Self::Orders => "Keeps orders",
            Self::Payments => "Takes payments",
            Self::Stock => "Keeps the pieces of each good",
            Self::Shipping => "Sends parcels",
            Self::Notifications => "Tells customers",
            Self::Fulfilment => "Leads orders through the others",
            Self::Customers => "Place orders",
        }
    }

    /// The events that it hears of, a filter line; none where it hears of none.
    pub fn filter(self) -> Option<&'static str> {
        Some(match self {
            Self::Orders => orders::Orders::FILTER,
            Self::Payments => payments::Payments::FILTER,
            Self::Stock => stock::Stocks::FILTER,
            Self::Shipping => shipping::Shipping::FILTER,
            Self::Notifications => notifications::Notifications::FILTER,
            Self::Fulfilment => fulfilments::Fulfilments::FILTER,
            Self::Customers => return None,
        })
    }

    /// All of them, in the order in which an order meets them.
    pub const ALL: [Self; 7] = [
        Self::Customers,
        Self::Orders,
        Self::Fulfilment,
        Self::Payments,
        Self::Stock,
        Self::Shipping,
        Self::Notifications,
    ];
}

/// Runs these parts until they are told to stop, or one of them can't go on.
///
/// # Errors
/// When the server refuses what a part needs.
pub async fn run(
    parts: &[Part],
    client: Arc<Client>,
    options: &Options,
    customers: Customers,
    led: &Led,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    let mut tasks = JoinSet::new();
    for part in parts {
        let (client, options) = (Arc::clone(&client), options.clone());
        let (part, led, stop) = (*part, led.clone(), stop.clone());
        tasks.spawn(async move { run_part(part, &client, &options, customers, &led, &stop).await });
    }
    let mut done = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(ClientError::Refused(error.to_string())));
        match ended {
            Ok(()) | Err(ClientError::Stopped) => {}
            Err(error) => {
                // The others finish what they have.
                stop.cancel();
                done = Err(error);
            }
        }
    }
    done
}

async fn run_part(
    part: Part,
    client: &Arc<Client>,
    options: &Options,
    customers: Customers,
    led: &Led,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    match part {
        Part::Orders => runner::run::<orders::Orders>(client, options, led, stop).await,
        Part::Payments => runner::run::<payments::Payments>(client, options, led, stop).await,
        Part::Stock => {
            open_stock(client).await?;
            runner::run::<stock::Stocks>(client, options, led, stop).await
        }
        Part::Shipping => runner::run::<shipping::Shipping>(client, options, led, stop).await,
        Part::Notifications => {
            runner::run::<notifications::Notifications>(client, options, led, stop).await
        }
        Part::Fulfilment => {
            let work = runner::run::<fulfilments::Fulfilments>(client, options, led, stop);
            let watch = time_outs::watch(client, options.patience, stop);
            tokio::try_join!(work, watch).map(drop)
        }
        Part::Customers => customers.run(client, led, stop).await,
    }
}

/// The first pieces of each good; where there are any already, nothing comes of it.
async fn open_stock(client: &Arc<Client>) -> Result<(), ClientError> {
    let stocks = Aggregates::<stock::Stock>::new(Arc::clone(client));
    for (sku, _, _, pieces) in GOODS {
        let id = id_of(&[b"stock", sku.as_bytes()]);
        let cause = Cause {
            id,
            correlation: id,
            event: None,
            traceparent: None,
            service: stock::Stocks::NAME,
            actor: "service:stock".to_owned(),
        };
        let open = stock::StockCommand::Open(pieces);
        stocks.handle(&stock::stream(sku), &open, &cause).await?;
    }
    Ok(())
}
