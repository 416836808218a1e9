//! A flow as a picture: a lane a stream or service, a dot an event, an arrow from each cause to its effect. Pure text, so that the server
//! and the browser draw the same. It repeats what the tree below it says in words, so it is hidden from screen readers.

use std::collections::HashMap;
use std::fmt::Write;

use highwater_model::{Flow, FlowEvent};
use uuid::Uuid;

use super::flow_layout::{GRID, LEFT, Layout, RIGHT, WIDTH, extent, step};
use super::timeline::Axis;

pub use super::flow_layout::Lanes;
use crate::format;

/// Up to here each dot is a link with its name; beyond it, marks alone are drawn: a path a type.
const NAMED: usize = 300;
/// A character of a dot's name, about.
const LETTER: f64 = 5.6;

/// The drawing.
pub fn svg(flow: &Flow, by: Lanes, axis: Axis) -> String {
    let layout = Layout::of(flow, by, axis);
    let mut out = format!(
        "<svg class=\"flow-picture\" viewBox=\"0 0 {WIDTH} {}\" aria-hidden=\"true\">\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\"/></marker></defs>",
        layout.height
    );
    if axis == Axis::Time {
        grid(&mut out, flow, layout.height);
    }
    for (lane, name) in layout.names.iter().enumerate() {
        let y = layout.lane(lane);
        // Writing into a text does not fail, here and below.
        let _ = write!(
            out,
            "<path class=\"lane\" d=\"M{LEFT} {y:.0}H{RIGHT}\"/><text class=\"lane-name\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>",
            LEFT - 12.0,
            y + 4.0,
            text(&shortened(name, 26)),
        );
    }
    arrows(&mut out, flow, &layout, axis);
    if flow.events.len() > NAMED {
        marks(&mut out, flow, &layout);
    } else {
        dots(&mut out, flow, &layout);
    }
    out + "</svg>"
}

/// Lines at round spans since the beginning.
fn grid(out: &mut String, flow: &Flow, height: f64) {
    let (_, length) = extent(flow);
    let step = step(length);
    let mut at = 0;
    while step > 0 && at <= length {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds, below 2^52")]
        let x = LEFT + at as f64 / length.max(1) as f64 * (RIGHT - LEFT);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{x:.1} {GRID}V{height:.0}\"/><text class=\"grid-name\" x=\"{x:.1}\" y=\"16\" text-anchor=\"middle\">+{}</text>",
            format::span(at)
        );
        at += step;
    }
}

fn arrows(out: &mut String, flow: &Flow, layout: &Layout, axis: Axis) {
    let at: HashMap<Uuid, usize> = (0..)
        .zip(&flow.events)
        .map(|(at, event)| (event.id, at))
        .collect();
    let few = flow.events.len() <= NAMED;
    let mut thin = String::new();
    for (to, event) in flow.events.iter().enumerate() {
        let Some(from) = event.caused_by.and_then(|cause| at.get(&cause)).copied() else {
            // A cause that is not here: a short stroke that comes from nowhere.
            if event.caused_by.is_some() {
                let (x, y) = layout.points[to];
                let _ = write!(
                    out,
                    "<path class=\"broken\" d=\"M{:.1} {:.1}L{x:.1} {y:.1}\"/>",
                    x - 18.0,
                    y - 18.0
                );
            }
            continue;
        };
        if from == to {
            continue;
        }
        let ((x1, y1), (x2, y2)) = (layout.points[from], layout.points[to]);
        // Away from the first dot and up to the second; along a lane it bends so that it does not hide what lies between.
        let bend = if layout.lane_of[from] == layout.lane_of[to] {
            14.0_f64.min((x2 - x1).abs() / 3.0)
        } else {
            0.0
        };
        let (mx, my) = (f64::midpoint(x1, x2), f64::midpoint(y1, y2) - bend * 1.6);
        let (tx, ty) = toward(x2, y2, mx, my, 8.0);
        if !few {
            let _ = write!(thin, "M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}");
            continue;
        }
        let _ = write!(
            out,
            "<path class=\"arrow\" d=\"M{x1:.1} {y1:.1}Q{mx:.1} {my:.1} {tx:.1} {ty:.1}\" marker-end=\"url(#arrow)\"/>"
        );
        let apart =
            event.occurred_at.as_millisecond() - flow.events[from].occurred_at.as_millisecond();
        if axis == Axis::Even && flow.events.len() <= 24 {
            let _ = write!(
                out,
                "<text class=\"apart\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                mx,
                f64::midpoint(my, f64::midpoint(y1, y2)) - 3.0,
                format::span(apart)
            );
        }
    }
    if !thin.is_empty() {
        let _ = write!(out, "<path class=\"arrow\" d=\"{thin}\"/>");
    }
}

/// The point `back` before the first one, coming from the second.
fn toward(x: f64, y: f64, from_x: f64, from_y: f64, back: f64) -> (f64, f64) {
    let (dx, dy) = (x - from_x, y - from_y);
    let length = dx.hypot(dy).max(1.0);
    (x - dx / length * back, y - dy / length * back)
}

fn dots(out: &mut String, flow: &Flow, layout: &Layout) {
    // Names do not run into each other: in each lane a name is left out that would begin before the one before it ends.
    let mut free = vec![0.0_f64; layout.names.len()];
    for (at, event) in flow.events.iter().enumerate() {
        let (x, y) = layout.points[at];
        let hue = format::hue_alone(&event.event_type);
        let _ = write!(
            out,
            "<a href=\"/events/{}\" tabindex=\"-1\"><title>{}</title><circle class=\"{hue}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>",
            event.id,
            text(&title(flow, event))
        );
        let lines = words(&event.event_type);
        #[expect(clippy::cast_precision_loss, reason = "letters of a name")]
        let half = lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0) as f64
            * LETTER
            / 2.0;
        let free = &mut free[layout.lane_of[at]];
        if x - half >= *free {
            *free = x + half + 4.0;
            for (line, below) in lines.iter().zip([19.0, 30.0]) {
                let _ = write!(
                    out,
                    "<text class=\"dot-name\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                    y + below,
                    text(line)
                );
            }
        }
        out.push_str("</a>");
    }
}

fn marks(out: &mut String, flow: &Flow, layout: &Layout) {
    let mut paths: HashMap<&str, String> = HashMap::new();
    let mut order = Vec::new();
    for (at, event) in flow.events.iter().enumerate() {
        let path = paths.entry(&event.event_type).or_insert_with(|| {
            order.push(event.event_type.as_str());
            String::new()
        });
        let (x, y) = layout.points[at];
        let _ = write!(path, "M{x:.1} {:.1}v16", y - 8.0);
    }
    for event_type in order {
        let _ = write!(
            out,
            "<path class=\"mark {}\" d=\"{}\"/>",
            format::hue_alone(event_type),
            paths[event_type]
        );
    }
}

fn title(flow: &Flow, event: &FlowEvent) -> String {
    let since = event.occurred_at.as_millisecond() - flow.summary.began_at.as_millisecond();
    format!(
        "{} in {} at +{}",
        event.event_type,
        event.stream,
        format::span(since)
    )
}

/// A type's name in two lines: cut where a word begins nearest to its middle, `PaymentAuthorized` as `Payment`, `Authorized`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let middle = letters.len().div_euclid(2);
    let cut = (1..letters.len())
        .filter(|at| {
            letters[*at].is_uppercase() && letters[at - 1].is_lowercase()
                || "._- ".contains(letters[at - 1])
        })
        .min_by_key(|at| at.abs_diff(middle));
    let line = |letters: &[char]| shortened(&letters.iter().collect::<String>(), 16);
    match cut {
        Some(cut) if letters.len() > 9 => vec![line(&letters[..cut]), line(&letters[cut..])],
        _ => vec![line(&letters)],
    }
}

fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// As text of a drawing.
fn text(words: &str) -> String {
    words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::flow_tree::tests::flow;
    use super::*;

    #[test]
    fn there_is_an_arrow_a_cause_and_a_dot_an_event() {
        let flow = flow(&[None, Some(1), Some(2), Some(88)]);
        for axis in [Axis::Time, Axis::Even] {
            let svg = svg(&flow, Lanes::Stream, axis);
            assert_eq!(svg.matches("class=\"arrow\"").count(), 2, "{svg}");
            assert_eq!(svg.matches("class=\"broken\"").count(), 1, "{svg}");
            assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
            assert!(!svg.contains("style="), "{svg}");
            assert!(!svg.contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn very_many_events_and_streams_are_few_elements() {
        let causes: Vec<Option<u128>> = (0..5_000).map(|at| (at > 0).then_some(at)).collect();
        let mut flow = flow(&causes);
        for (at, event) in flow.events.iter_mut().enumerate() {
            event.stream = highwater_model::StreamName::new(format!("a-{at}")).unwrap();
            event.event_type = format!("Type{}", at % 7);
        }
        let svg = svg(&flow, Lanes::Stream, Axis::Time);
        assert!(svg.matches('<').count() < 300);
        assert!(svg.contains("4977 more"), "the last lane has the others");
    }

    #[test]
    fn one_event_and_events_of_one_moment_are_drawn() {
        let mut one = flow(&[None]);
        assert!(svg(&one, Lanes::Stream, Axis::Time).contains("<circle"));
        one.events[0].event_type = "<script>".to_owned();
        assert!(!svg(&one, Lanes::Stream, Axis::Time).contains("<script"));
    }

    #[test]
    fn names_are_cut_where_a_word_begins() {
        assert_eq!(words("PaymentAuthorized"), ["Payment", "Authorized"]);
        assert_eq!(words("Closed"), ["Closed"]);
        assert_eq!(words("com.example.order.placed.v1")[1].chars().count(), 15);
    }
}
