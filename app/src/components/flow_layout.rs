//! Where the lanes and events of a flow stand in its picture.

use std::collections::HashMap;

use highwater_model::Flow;

use super::timeline::Axis;

/// Width of the drawing in its own units; the page scales it.
pub(super) const WIDTH: f64 = 1_200.0;
/// Where the lanes begin, behind their names.
pub(super) const LEFT: f64 = 190.0;
/// Where they end.
pub(super) const RIGHT: f64 = WIDTH - 50.0;
/// Room above them for the names of the grid's lines.
pub(super) const GRID: f64 = 24.0;
const LANE: f64 = 58.0;
/// Lanes that are drawn; the events of further ones share the last.
const LANES: usize = 24;

/// What a lane stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// A stream.
    Stream,
    /// The service that the events' metadata names.
    Service,
}

/// What stands where.
#[derive(Debug)]
pub(super) struct Layout {
    /// The lanes, in the order in which the flow comes to them.
    pub(super) names: Vec<String>,
    /// The lane of each event.
    pub(super) lane_of: Vec<usize>,
    /// Where each event stands.
    pub(super) points: Vec<(f64, f64)>,
    /// Height of the drawing.
    pub(super) height: f64,
    top: f64,
}

impl Layout {
    /// Of a flow.
    pub(super) fn of(flow: &Flow, by: Lanes, axis: Axis) -> Self {
        let (names, lane_of) = lanes(flow, by);
        let top = if axis == Axis::Time { GRID } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "at most as many as LANES")]
        let height = top + names.len() as f64 * LANE + 6.0;
        let mut layout = Self {
            names,
            lane_of,
            points: Vec::new(),
            height,
            top,
        };
        let places = places(flow, axis);
        layout.points = places
            .into_iter()
            .zip(&layout.lane_of)
            .map(|(x, lane)| (x, layout.lane(*lane)))
            .collect();
        layout
    }

    /// Where a lane's line is.
    #[expect(clippy::cast_precision_loss, reason = "at most as many as LANES")]
    pub(super) fn lane(&self, lane: usize) -> f64 {
        self.top + (lane as f64 + 0.42) * LANE
    }
}

/// The lanes in the order in which the flow comes to them, and the lane of each event.
fn lanes(flow: &Flow, by: Lanes) -> (Vec<String>, Vec<usize>) {
    let mut names: Vec<String> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let lane_of = flow
        .events
        .iter()
        .map(|event| {
            let name = match by {
                Lanes::Stream => event.stream.to_string(),
                Lanes::Service => event
                    .service
                    .clone()
                    .unwrap_or_else(|| "no service".to_owned()),
            };
            *known.entry(name.clone()).or_insert_with(|| {
                names.push(name);
                names.len() - 1
            })
        })
        .map(|lane: usize| lane.min(LANES - 1))
        .collect();
    if names.len() > LANES {
        let more = names.len() - LANES + 1;
        names.truncate(LANES - 1);
        names.push(format!("{more} more"));
    }
    (names, lane_of)
}

/// Where each event stands, in units of the drawing.
#[expect(clippy::cast_precision_loss, reason = "times and counts, below 2^52")]
fn places(flow: &Flow, axis: Axis) -> Vec<f64> {
    let count = flow.events.len();
    let (from, length) = extent(flow);
    flow.events
        .iter()
        .enumerate()
        .map(|(at, event)| {
            let part = if axis == Axis::Time && length > 0 {
                (event.occurred_at.as_millisecond() - from) as f64 / length as f64
            } else {
                (at as f64 + 0.5) / count as f64
            };
            LEFT + part * (RIGHT - LEFT)
        })
        .collect()
}

/// The earliest moment and how long the events shown take, in milliseconds.
pub(super) fn extent(flow: &Flow) -> (i64, i64) {
    let times = || {
        flow.events
            .iter()
            .map(|event| event.occurred_at.as_millisecond())
    };
    let from = times().min().unwrap_or(0);
    (from, times().max().unwrap_or(from) - from)
}

/// A round span of which four to ten fit.
pub(super) fn step(length_ms: i64) -> i64 {
    const ROUND: [i64; 26] = [
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        1_000,
        2_000,
        5_000,
        10_000,
        20_000,
        60_000,
        120_000,
        300_000,
        600_000,
        1_200_000,
        3_600_000,
        7_200_000,
        21_600_000,
        43_200_000,
        86_400_000,
        604_800_000,
        2_592_000_000,
    ];
    ROUND
        .into_iter()
        .find(|step| length_ms / step <= 10)
        .unwrap_or(length_ms / 5)
}

#[cfg(test)]
mod tests {
    use super::super::flow_tree::tests::flow;
    use super::*;

    #[test]
    fn lanes_come_in_the_order_of_the_flow() {
        let flow = flow(&[None, Some(1), Some(2), Some(3)]);
        let (names, lane_of) = lanes(&flow, Lanes::Stream);
        assert_eq!(names, ["order-0", "order-1", "order-2"]);
        assert_eq!(lane_of, [0, 1, 2, 0]);
        assert_eq!(lanes(&flow, Lanes::Service).0, ["service0", "service1"]);
    }
}
