//! Where the places of the flow map stand in its picture: who emits in columns from left to right, as events come to them, and the read
//! models in a column of their own behind them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Width of a box, in units of the drawing; the page scales it.
pub(super) const BOX: f64 = 200.0;
/// Its height.
pub(super) const HEIGHT: f64 = 62.0;
/// From one box down to the next.
const DOWN: f64 = 98.0;
/// From one column to the next.
const ACROSS: f64 = 330.0;
/// Room around all of it, for lines that go around.
const ROOM: f64 = 48.0;
/// Columns of those who emit; who comes later than that stands in the last.
const COLUMNS: usize = 3;

/// Boxes, each at its left upper corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Those who emit, in the order in which they were given.
    pub(super) places: Vec<(f64, f64)>,
    /// The read models, in the order in which they were given.
    pub(super) models: Vec<(f64, f64)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Lays out `count` places, the lines between them (from, to), and `models` read models with the lines to them (place, model).
pub(super) fn layout(
    count: usize,
    lines: &[(usize, usize)],
    models: usize,
    heard: &[(usize, usize)],
) -> Layout {
    let level = levels(count, lines);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); COLUMNS];
    for (place, level) in level.iter().enumerate() {
        columns[*level].push(place);
    }
    columns.retain(|column| !column.is_empty());
    for at in 1..columns.len() {
        let before = columns[at - 1].clone();
        columns[at].sort_by(|a, b| {
            middle(*a, &before, lines)
                .total_cmp(&middle(*b, &before, lines))
                .then(a.cmp(b))
        });
    }
    let most = columns.iter().map(Vec::len).max().unwrap_or(0).max(models);
    let height = ROOM * 2.0 + float(most.max(1)) * DOWN - (DOWN - HEIGHT);
    let mut places = vec![(0.0, 0.0); count];
    for (at, column) in columns.iter().enumerate() {
        for (nth, place) in column.iter().enumerate() {
            places[*place] = (ROOM + float(at) * ACROSS, down(nth, column.len(), height));
        }
    }
    let mut order: Vec<usize> = (0..models).collect();
    let at = |model: usize| {
        let from = heard.iter().filter(|(_, to)| *to == model);
        mean(from.map(|(from, _)| places[*from].1))
    };
    order.sort_by(|a, b| at(*a).total_cmp(&at(*b)).then(a.cmp(b)));
    let x = ROOM + float(columns.len()) * ACROSS;
    let mut stand = vec![(0.0, 0.0); models];
    for (nth, model) in order.into_iter().enumerate() {
        stand[model] = (x, down(nth, models, height));
    }
    let across = columns.len() + usize::from(models > 0);
    Layout {
        places,
        models: stand,
        width: ROOM * 2.0 + float(across.max(1)) * ACROSS - (ACROSS - BOX),
        height,
    }
}

/// The column of each place: how many steps events need to come to it from where they begin. Where all wait for each other, they begin
/// with the one that gives to most and takes from fewest.
fn levels(count: usize, lines: &[(usize, usize)]) -> Vec<usize> {
    let lines: BTreeSet<(usize, usize)> = lines
        .iter()
        .copied()
        .filter(|(from, to)| from != to)
        .collect();
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    while found.len() < count {
        let left = (0..count).filter(|place| !found.contains_key(place));
        let taken = |place: usize| lines.iter().filter(|(_, to)| *to == place).count();
        let given = |place: usize| lines.iter().filter(|(from, _)| *from == place).count();
        let sources: Vec<usize> = left.clone().filter(|place| taken(*place) == 0).collect();
        let begin = if sources.is_empty() {
            left.min_by_key(|place| (std::cmp::Reverse(given(*place)), taken(*place), *place))
                .into_iter()
                .collect()
        } else {
            sources
        };
        let mut next: VecDeque<(usize, usize)> =
            begin.into_iter().map(|place| (place, 0)).collect();
        while let Some((place, level)) = next.pop_front() {
            if found.contains_key(&place) {
                continue;
            }
            found.insert(place, level.min(COLUMNS - 1));
            next.extend(
                lines
                    .iter()
                    .filter(|(from, _)| *from == place)
                    .map(|(_, to)| (*to, level + 1)),
            );
        }
    }
    found.into_values().collect()
}

/// The mean row of those of the column before that a place has to do with.
fn middle(place: usize, before: &[usize], lines: &[(usize, usize)]) -> f64 {
    let near = before.iter().enumerate().filter(|(_, other)| {
        lines.contains(&(**other, place)) || lines.contains(&(place, **other))
    });
    mean(near.map(|(row, _)| float(row)))
}

fn mean(of: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = of.fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
    if count > 0.0 { sum / count } else { f64::MAX }
}

/// The nth of so many, in the middle of the height.
fn down(nth: usize, of: usize, height: f64) -> f64 {
    let all = float(of) * DOWN - (DOWN - HEIGHT);
    (height - all) / 2.0 + float(nth) * DOWN
}

#[expect(clippy::cast_precision_loss, reason = "some dozens of boxes")]
fn float(number: usize) -> f64 {
    number as f64
}

/// A line from one box to another, or around to itself, as a path. Where one leads back it begins lower than the one that leads there.
pub(super) fn line(from: (f64, f64), to: (f64, f64)) -> String {
    let ((x1, y1), (x2, y2)) = (from, to);
    if from == to {
        let (x, y) = (x1 + BOX - 56.0, y1);
        return format!(
            "M{x:.0} {y:.0}C{x:.0} {:.0} {:.0} {:.0} {:.0} {y:.0}",
            y - 34.0,
            x + 36.0,
            y - 34.0,
            x + 36.0
        );
    }
    let (high, low) = (HEIGHT * 0.36, HEIGHT * 0.68);
    if (x1 - x2).abs() < 1.0 {
        // Of one column: around on the right, and back on the left.
        let side = if y1 < y2 { BOX } else { 0.0 };
        let out = if y1 < y2 { 1.0 } else { -1.0 };
        let bow = x1 + side + out * (24.0 + (y2 - y1).abs() / 12.0).min(44.0);
        let (y1, y2) = (y1 + HEIGHT / 2.0, y2 + HEIGHT / 2.0);
        return format!(
            "M{:.0} {y1:.0}C{bow:.0} {y1:.0} {bow:.0} {y2:.0} {:.0} {y2:.0}",
            x1 + side,
            x2 + side
        );
    }
    let (x1, x2, y1, y2) = if x1 < x2 {
        (x1 + BOX, x2, y1 + high, y2 + high)
    } else {
        (x1, x2 + BOX, y1 + low, y2 + low)
    };
    let bend = (x2 - x1) / 2.0;
    format!(
        "M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}",
        x1 + bend,
        x2 - bend
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(boxes: &[(f64, f64)]) -> bool {
        boxes.iter().enumerate().all(|(at, a)| {
            boxes[at + 1..]
                .iter()
                .all(|b| (a.0 - b.0).abs() >= BOX || (a.1 - b.1).abs() >= HEIGHT)
        })
    }

    #[test]
    fn no_box_of_a_large_map_covers_another_or_leaves_the_drawing() {
        let lines: Vec<(usize, usize)> = (0..7)
            .flat_map(|from| [(from, from), (from, (from + 1) % 7), (from, 0)])
            .collect();
        let heard: Vec<(usize, usize)> = (0..6).map(|model| (6 - model, model)).collect();
        let layout = layout(7, &lines, 6, &heard);
        let all: Vec<(f64, f64)> = layout
            .places
            .iter()
            .chain(&layout.models)
            .copied()
            .collect();
        assert_eq!(all.len(), 13);
        assert!(apart(&all), "{all:?}");
        for (x, y) in all {
            assert!(x >= 0.0 && x + BOX <= layout.width, "{x}");
            assert!(y >= 0.0 && y + HEIGHT <= layout.height, "{y}");
        }
    }

    #[test]
    fn events_go_from_left_to_right_and_read_models_stand_behind_them() {
        let layout = layout(3, &[(2, 0), (0, 1), (1, 1)], 1, &[(0, 0)]);
        let x: Vec<f64> = layout.places.iter().map(|place| place.0).collect();
        assert!(
            x[2] < x[0] && x[0] < x[1] && x[1] < layout.models[0].0,
            "{layout:?}"
        );
    }

    #[test]
    fn a_circle_begins_with_who_gives_to_most() {
        assert_eq!(levels(3, &[(0, 1), (1, 0), (1, 2), (2, 1)]), [1, 0, 1]);
        assert_eq!(levels(0, &[]), Vec::<usize>::new());
    }

    #[test]
    fn places_stand_in_the_order_of_those_that_they_follow() {
        let layout = layout(4, &[(0, 3), (1, 2)], 0, &[]);
        assert!(layout.places[3].1 < layout.places[2].1, "{layout:?}");
    }

    #[test]
    fn a_line_to_itself_and_one_back_are_lines_of_their_own() {
        let (a, b) = ((0.0, 0.0), (ACROSS, 0.0));
        assert_ne!(line(a, b), line(b, a));
        assert!(line(a, a).contains('C'));
    }
}
