//! What flies on the Stage: an event falls from who emitted it into the log, and from there to everyone who hears it. Many of a kind fly as one.

use std::collections::VecDeque;

use super::cast::Hearer;

/// From a service into the log.
const FALL_MS: f64 = 650.0;
/// From the log to who hears it.
const RISE_MS: f64 = 550.0;
/// Along the log: pixels in a millisecond, and the time that it takes at least and at most.
const PX_PER_MS: f64 = 0.7;
const DRIFT_MS: (f64, f64) = (250.0, 1_600.0);
/// Events of one type on one way fly together when they come within this time …
const TOGETHER_MS: f64 = 220.0;
/// … while no more than this fly; of more, those of a longer time do, as many times longer as there are more, up to [`LONGER`].
const FEW: usize = 120;
const LONGER: f64 = 4.0;
/// Names that are shown at once; more could not be read.
const NAMES: usize = 8;
/// A name is shown so long.
const NAME_MS: f64 = 1_600.0;
/// The colour of events of several types.
pub const NO_HUE: u16 = 360;
/// More than this do not fly: the counts on the cards tell of them.
const FLIGHTS: usize = 900;

/// A place on the picture, in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Where everything is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ground {
    /// The door of each service.
    pub services: Vec<Point>,
    /// The door of each read model.
    pub read_models: Vec<Point>,
    /// The middle of the log.
    pub log_y: f64,
}

impl Ground {
    fn door(&self, of: Hearer) -> Option<Point> {
        match of {
            Hearer::Service(at) => self.services.get(at).copied(),
            Hearer::ReadModel(at) => self.read_models.get(at).copied(),
        }
    }
}

/// Something that flies.
#[derive(Debug, Clone, PartialEq)]
struct Flight {
    hue: u16,
    from: usize,
    to: Hearer,
    /// Places, and when it is there.
    way: [(f64, Point); 4],
    /// So many events.
    count: u32,
}

/// A name that is shown where an event falls.
#[derive(Debug, Clone, PartialEq)]
struct Name {
    event_type: String,
    hue: u16,
    from: usize,
    began: f64,
    at: Point,
    count: u32,
    /// Which line below the door, from 0.
    line: u8,
}

/// A dot to be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// Its colour, in degrees.
    pub hue: u16,
    /// Where.
    pub at: Point,
    /// How many events it stands for.
    pub count: u32,
}

/// A name to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<'a> {
    /// The type of the event.
    pub event_type: &'a str,
    /// Its colour, in degrees.
    pub hue: u16,
    /// Where.
    pub at: Point,
    /// How many events it stands for.
    pub count: u32,
    /// 1 when it is plain, 0 when it is gone.
    pub strength: f64,
}

/// An event that is to fly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Launch<'a> {
    /// Its type.
    pub event_type: &'a str,
    /// Its colour, in degrees.
    pub hue: u16,
    /// Who emitted it.
    pub from: usize,
    /// Who hears it, and whether they are there: what nobody takes stays in the log.
    pub to: &'a [(Hearer, bool)],
}

/// All that flies.
#[derive(Debug, Clone, Default)]
pub struct Flights {
    flights: VecDeque<Flight>,
    names: VecDeque<Name>,
}

impl Flights {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends an event on its way, `now` in milliseconds of any clock that only goes forward.
    pub fn launch(&mut self, now: f64, launch: Launch<'_>, ground: &Ground) {
        let Some(door) = ground.services.get(launch.from).copied() else {
            return;
        };
        self.name(now, launch, door);
        for &(to, is_there) in launch.to {
            if let Some(end) = ground.door(to) {
                let y = if is_there { end.y } else { ground.log_y };
                self.fly(now, launch, to, [door, Point { y, ..end }], ground.log_y);
            }
        }
    }

    /// Sends what has waited in the log to who comes back for it.
    pub fn pour(&mut self, now: f64, to: Hearer, count: u32, ground: &Ground) {
        let Some(end) = ground.door(to).filter(|_| self.flights.len() < FLIGHTS) else {
            return;
        };
        let log = Point {
            y: ground.log_y,
            ..end
        };
        self.flights.push_back(Flight {
            hue: NO_HUE,
            from: usize::MAX,
            to,
            way: [(now, log), (now, log), (now, log), (now + RISE_MS, end)],
            count,
        });
    }

    /// Within what time events fly together now.
    fn together_ms(&self) -> f64 {
        let times = u32::try_from(self.flights.len() / FEW).unwrap_or(u32::MAX);
        TOGETHER_MS * f64::from(times).clamp(1.0, LONGER)
    }

    fn fly(&mut self, now: f64, launch: Launch<'_>, to: Hearer, ends: [Point; 2], log_y: f64) {
        let [door, end] = ends;
        let together = self.together_ms();
        let same =
            self.flights.iter_mut().rev().find(|flight| {
                (flight.hue, flight.from, flight.to) == (launch.hue, launch.from, to)
            });
        if let Some(same) = same
            && now - same.way[0].0 < together
        {
            same.count = same.count.saturating_add(1);
            return;
        }
        if self.flights.len() >= FLIGHTS {
            return;
        }
        let drift = ((end.x - door.x).abs() / PX_PER_MS).clamp(DRIFT_MS.0, DRIFT_MS.1);
        let (falls, drifts) = (now + FALL_MS, now + FALL_MS + drift);
        self.flights.push_back(Flight {
            hue: launch.hue,
            from: launch.from,
            to,
            way: [
                (now, door),
                (
                    falls,
                    Point {
                        x: door.x,
                        y: log_y,
                    },
                ),
                (drifts, Point { x: end.x, y: log_y }),
                (drifts + RISE_MS, end),
            ],
            count: 1,
        });
    }

    fn name(&mut self, now: f64, launch: Launch<'_>, door: Point) {
        let same = self
            .names
            .iter_mut()
            .find(|name| name.from == launch.from && name.event_type == launch.event_type);
        if let Some(same) = same {
            same.count = same.count.saturating_add(1);
            return;
        }
        if self.names.len() >= NAMES {
            return;
        }
        // One below the other, where a service says several things at once: on the first line that is free.
        let is_taken = |line: u8| {
            let mut names = self.names.iter();
            names.any(|name| name.from == launch.from && name.line == line)
        };
        let line = (0..u8::MAX).find(|line| !is_taken(*line)).unwrap_or(0);
        self.names.push_back(Name {
            event_type: launch.event_type.to_owned(),
            hue: launch.hue,
            from: launch.from,
            began: now,
            at: Point {
                x: door.x,
                y: door.y + 24.0 + f64::from(line) * 26.0,
            },
            line,
            count: 1,
        });
    }

    /// Lets go of what has arrived.
    pub fn settle(&mut self, now: f64) {
        self.flights.retain(|flight| now < flight.way[3].0);
        self.names.retain(|name| now - name.began < NAME_MS);
    }

    /// What is to be drawn, by colour.
    pub fn dots(&self, now: f64) -> Vec<Dot> {
        let dot = |flight: &Flight| Dot {
            hue: flight.hue,
            at: along(&flight.way, now),
            count: flight.count,
        };
        let mut dots: Vec<Dot> = self.flights.iter().map(dot).collect();
        dots.sort_by_key(|dot| dot.hue);
        dots
    }

    /// What is to be written.
    pub fn names(&self, now: f64) -> impl Iterator<Item = Written<'_>> {
        self.names.iter().map(move |name| {
            let age = (now - name.began) / NAME_MS;
            Written {
                event_type: &name.event_type,
                hue: name.hue,
                at: name.at,
                count: name.count,
                strength: ((1.0 - age) * 3.0).clamp(0.0, 1.0),
            }
        })
    }

    /// True when nothing moves.
    pub fn is_still(&self) -> bool {
        self.flights.is_empty() && self.names.is_empty()
    }
}

/// Where something on this way is. It falls faster and faster, and comes to rest at the end.
fn along(way: &[(f64, Point); 4], now: f64) -> Point {
    for (leg, pair) in way.windows(2).enumerate() {
        let ((begins, from), (ends, to)) = (pair[0], pair[1]);
        if now < ends {
            let part = ((now - begins) / (ends - begins)).clamp(0.0, 1.0);
            let eased = match leg {
                0 => part * part,
                1 => part,
                _ => 1.0 - (1.0 - part) * (1.0 - part),
            };
            return Point {
                x: from.x + (to.x - from.x) * eased,
                y: from.y + (to.y - from.y) * eased,
            };
        }
    }
    way[3].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground() -> Ground {
        let at = |x, y| Point { x, y };
        Ground {
            services: vec![at(100.0, 50.0), at(500.0, 50.0)],
            read_models: vec![at(300.0, 400.0)],
            log_y: 200.0,
        }
    }

    const EVERYONE: [(Hearer, bool); 2] =
        [(Hearer::Service(1), true), (Hearer::ReadModel(0), true)];

    fn placed(to: &[(Hearer, bool)]) -> Launch<'_> {
        Launch {
            event_type: "OrderPlaced",
            hue: 40,
            from: 0,
            to,
        }
    }

    #[test]
    fn an_event_falls_into_the_log_and_from_there_to_everyone_who_hears_it() {
        let mut flights = Flights::new();
        flights.launch(0.0, placed(&EVERYONE), &ground());
        let begun = flights.dots(0.0);
        assert_eq!(begun.len(), 2);
        assert!(begun.iter().all(|dot| dot.at == ground().services[0]));
        assert!(
            flights
                .dots(FALL_MS)
                .iter()
                .all(|dot| dot.at == Point { x: 100.0, y: 200.0 })
        );
        let ended = flights.dots(60_000.0);
        assert_eq!(ended[0].at, ground().services[1]);
        assert_eq!(ended[1].at, ground().read_models[0]);
        flights.settle(60_000.0);
        assert!(flights.is_still());
    }

    #[test]
    fn many_of_a_kind_fly_as_one_that_says_how_many() {
        let mut flights = Flights::new();
        for ms in 0..100 {
            flights.launch(f64::from(ms), placed(&EVERYONE), &ground());
        }
        let dots = flights.dots(100.0);
        assert_eq!(dots.len(), 2);
        assert_eq!(dots[0].count, 100);
        assert_eq!(
            flights.names(100.0).next().map(|name| name.count),
            Some(100)
        );
        flights.launch(TOGETHER_MS + 1.0, placed(&EVERYONE), &ground());
        assert_eq!(flights.dots(TOGETHER_MS + 1.0).len(), 4);
    }

    #[test]
    fn the_more_fly_the_more_fly_as_one() {
        let mut flights = Flights::new();
        let to = [(Hearer::ReadModel(0), true)];
        let mut launch = |now: f64, hue: u16| {
            let launch = Launch { hue, ..placed(&to) };
            flights.launch(now, launch, &ground());
            flights.dots(now).len()
        };
        for hue in 0..240 {
            launch(0.0, hue);
        }
        // Twice as many as few: within twice the time.
        assert_eq!(launch(TOGETHER_MS * 1.9, 7), 240);
        assert_eq!(launch(TOGETHER_MS * 2.1, 7), 241);
    }

    #[test]
    fn a_name_takes_the_first_line_that_is_free() {
        let mut flights = Flights::new();
        let mut say = |now: f64, event_type: &str| {
            flights.settle(now);
            let launch = Launch {
                event_type,
                ..placed(&EVERYONE)
            };
            flights.launch(now, launch, &ground());
            flights.names(now).map(|name| name.at.y).collect::<Vec<_>>()
        };
        assert_eq!(say(0.0, "A"), [74.0]);
        assert_eq!(say(NAME_MS / 2.0, "B"), [74.0, 100.0]);
        // A is gone, B is still there.
        assert_eq!(say(NAME_MS + 1.0, "C"), [100.0, 74.0]);
    }

    #[test]
    fn however_many_come_no_more_fly_than_can_be_drawn() {
        let mut flights = Flights::new();
        for hue in 0..2_000 {
            let event_type = format!("Type{hue}");
            let launch = Launch {
                event_type: &event_type,
                hue,
                ..placed(&EVERYONE)
            };
            flights.launch(0.0, launch, &ground());
        }
        assert_eq!(flights.dots(1.0).len(), FLIGHTS);
        assert_eq!(flights.names(1.0).count(), NAMES);
    }

    #[test]
    fn what_nobody_takes_stays_in_the_log_until_somebody_comes_for_it() {
        let mut flights = Flights::new();
        let away = [(Hearer::Service(1), false)];
        flights.launch(0.0, placed(&away), &ground());
        let resting = flights.dots(60_000.0);
        assert_eq!(resting[0].at, Point { x: 500.0, y: 200.0 });
        flights.settle(60_000.0);
        flights.pour(70_000.0, Hearer::Service(1), 12, &ground());
        let begun = flights.dots(70_000.0);
        assert_eq!((begun[0].at.y, begun[0].count), (200.0, 12));
        assert_eq!(flights.dots(80_000.0)[0].at, ground().services[1]);
    }

    #[test]
    fn who_is_not_on_the_ground_sends_nothing() {
        let mut flights = Flights::new();
        flights.launch(
            0.0,
            Launch {
                from: 9,
                ..placed(&EVERYONE)
            },
            &ground(),
        );
        flights.launch(0.0, placed(&[(Hearer::ReadModel(7), true)]), &ground());
        assert!(flights.dots(1.0).is_empty());
    }
}
