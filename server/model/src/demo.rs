//! The demo shop as who shows it sees it: its services as processes, its traffic, and what customers order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Position, StreamName};

/// The pieces of a good that one order may have.
pub const PIECES_MAX: u64 = 100;
/// The lines that one order may have.
pub const LINES_MAX: usize = 20;
/// Orders a second that customers place, at most.
pub const ORDERS_PER_SECOND_MAX: f64 = 50.0;

/// One turn of bursts, in seconds, and how long of it is one.
const BURST_EVERY_S: f64 = 20.0;
const BURST_S: f64 = 4.0;
/// A Black Friday, told in so many seconds; its rush is in the middle, and so wide.
const DAY_S: f64 = 180.0;
const RUSH_WIDE_S: f64 = 25.0;

/// The demo shop that this server runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Demo {
    /// Its services, each a process, in the order in which an order meets them.
    pub services: Vec<DemoService>,
    /// How customers order.
    pub traffic: Traffic,
    /// The scenario that is played, or was played last.
    #[serde(default)]
    pub playing: Option<Playing>,
}

/// A service of the demo shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DemoService {
    /// Its name, and the name of its subscription.
    pub name: String,
    /// How it is.
    pub state: DemoServiceState,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The number of its process, while there is one.
    pub pid: Option<u32>,
    /// When it is started again, after a crash.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub back_at: Option<Timestamp>,
    /// How often it was started.
    pub starts: u32,
}

/// How a service of the demo shop is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DemoServiceState {
    /// At work.
    Running,
    /// At work, one event at a time.
    Slow,
    /// Somebody stopped it.
    #[default]
    Stopped,
    /// Its process ended by itself, or was killed; it is started again in a moment.
    Crashed,
}

impl DemoServiceState {
    /// As people say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Slow => "slow",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
        }
    }

    /// It has a process.
    pub fn is_at_work(self) -> bool {
        matches!(self, Self::Running | Self::Slow)
    }
}

/// What a service of the demo shop is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DemoServiceBody {
    /// How it is to be.
    pub state: DemoServiceWish,
}

/// How a service of the demo shop is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DemoServiceWish {
    /// At work.
    Running,
    /// At work, one event at a time.
    Slow,
    /// Not at work.
    Stopped,
}

/// How customers order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Orders a second, from 0 (nobody orders) to 50; what that means is up to the pattern.
    pub orders_per_second: f64,
    /// How they come.
    #[serde(default)]
    pub pattern: TrafficPattern,
}

/// How orders come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TrafficPattern {
    /// One after the other, at that rate.
    #[default]
    Steady,
    /// Four times that rate for four seconds, then a quarter of it for sixteen: that rate on the whole.
    Bursty,
    /// A day in three minutes: a third of that rate in the morning, eight times as many in the rush, then a third again.
    BlackFriday,
}

impl Traffic {
    /// Orders a second, so many seconds after the pattern began.
    pub fn rate_at(&self, seconds: f64) -> f64 {
        let times = match self.pattern {
            TrafficPattern::Steady => 1.0,
            TrafficPattern::Bursty if seconds.rem_euclid(BURST_EVERY_S) < BURST_S => 4.0,
            TrafficPattern::Bursty => 0.25,
            TrafficPattern::BlackFriday => {
                let from_rush = (seconds.rem_euclid(DAY_S) - DAY_S / 2.0) / RUSH_WIDE_S;
                1.0 / 3.0 + (8.0 - 1.0 / 3.0) * (-from_rush * from_rush).exp()
            }
        };
        self.orders_per_second * times
    }

    /// Whether somebody could order like that.
    pub fn is_possible(&self) -> bool {
        (0.0..=ORDERS_PER_SECOND_MAX).contains(&self.orders_per_second)
    }
}

/// A scenario: what can be shown on the Stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DemoScenario {
    /// By what it is played.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What it tells.
    pub about: String,
    /// What its chapters are called.
    pub chapters: Vec<String>,
}

/// A scenario that is played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Playing {
    /// Which.
    pub scenario: DemoScenario,
    /// Who began it.
    pub by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// How it is.
    pub state: PlayingState,
    /// In which chapter it is, from 0.
    pub chapter: usize,
    /// The words under the picture.
    pub caption: Option<String>,
    /// Words for the presenter.
    pub note: Option<String>,
    /// What it waits for, or why it failed.
    pub waits_for: Option<String>,
    /// So many times faster than it is written.
    pub speed: f64,
}

/// How a scenario is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlayingState {
    /// It goes on.
    Playing,
    /// It stands still; the shop goes on.
    Paused,
    /// It has come to its end.
    Ended,
    /// Somebody ended it.
    Stopped,
    /// What it waited for did not come.
    Failed,
}

impl PlayingState {
    /// It is not over.
    pub fn is_on(self) -> bool {
        matches!(self, Self::Playing | Self::Paused)
    }
}

/// How a scenario is to be played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlayBody {
    /// Whether it is to stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// So many times faster than it is written, from 0.1 to 100; 1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// The chapter that it is to go on with, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chapter: Option<usize>,
}

/// What a customer orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DemoOrderBody {
    /// Who orders: 1 to 60 characters.
    pub customer: String,
    /// Where to: 1 to 60 characters.
    pub city: String,
    /// What.
    pub items: Vec<DemoOrderLine>,
    /// Of whoever may have to send it twice: the same id places one order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
}

/// So many pieces of a good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DemoOrderLine {
    /// Which good.
    pub sku: String,
    /// Pieces, 1 to 100.
    pub quantity: u64,
}

/// So many pieces that come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DemoPiecesBody {
    /// Pieces, 1 to 10,000.
    pub pieces: u64,
}

/// A command of the demo shop was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DemoTaken {
    /// Whose events follow from it.
    pub stream: StreamName,
    /// The newest of them: a read model that has handled it shows it (`GET /api/read-models/{name}?wait=`).
    pub position: Position,
    /// The flow that it belongs to.
    pub correlation_id: Uuid,
}

/// A good of the demo shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DemoGood {
    /// By what it is ordered.
    pub sku: String,
    /// What it is.
    pub name: String,
    /// Its price, in cents.
    pub price_cents: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_a_while(pattern: TrafficPattern, seconds: u32) -> f64 {
        let traffic = Traffic {
            orders_per_second: 2.0,
            pattern,
        };
        let tenths = seconds * 10;
        (0..tenths)
            .map(|tenth| traffic.rate_at(f64::from(tenth) / 10.0) / 10.0)
            .sum()
    }

    #[test]
    fn bursts_are_as_many_orders_as_the_rate_says() {
        assert!((of_a_while(TrafficPattern::Steady, 60) - 120.0).abs() < 0.1);
        assert!((of_a_while(TrafficPattern::Bursty, 60) - 120.0).abs() < 0.1);
    }

    #[test]
    fn a_black_friday_has_its_rush_in_the_middle() {
        let day = Traffic {
            orders_per_second: 3.0,
            pattern: TrafficPattern::BlackFriday,
        };
        assert!((day.rate_at(90.0) - 24.0).abs() < 0.1);
        assert!(day.rate_at(0.0) < 1.1 && day.rate_at(179.0) < 1.1);
        assert!((day.rate_at(10.0) - day.rate_at(190.0)).abs() < 1e-9);
    }

    #[test]
    fn impossible_rates_are_known() {
        for (rate, possible) in [(0.0, true), (50.0, true), (-1.0, false), (f64::NAN, false)] {
            let traffic = Traffic {
                orders_per_second: rate,
                pattern: TrafficPattern::Steady,
            };
            assert_eq!(traffic.is_possible(), possible, "{rate}");
        }
    }
}
