//! A past range of the log as a film: what is due when, and what has to be read before that.

use std::collections::VecDeque;

/// So much of the film is read ahead, in milliseconds of whoever looks.
const AHEAD_MS: f64 = 4_000.0;
/// Nothing for longer than this, in milliseconds of whoever looks, is leapt over, …
const QUIET_MS: f64 = 3_000.0;
/// … up to so long before what comes next.
const LEAD_MS: f64 = 700.0;
/// So long is it said that it was.
const SAID_MS: f64 = 3_000.0;

/// A film of events.
#[derive(Debug, Clone)]
pub struct Reel<T> {
    /// Milliseconds since 1970: where it begins, where it ends, where it is.
    since: f64,
    until: f64,
    at: f64,
    /// So many times faster than it happened.
    speed: f64,
    is_playing: bool,
    /// Read and not due yet, in order.
    ahead: VecDeque<(f64, T)>,
    /// Up to here, in milliseconds since 1970, it is read.
    read_to: f64,
    /// Behind this position it is read next; none when nothing was read yet.
    after: Option<i64>,
    is_reading: bool,
    /// How much was leapt over last, and how long that is still said, in milliseconds.
    leapt: Option<(f64, f64)>,
    /// Grows with each jump: what was asked for before it is not wanted any more.
    jumps: u32,
}

/// What is to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Want {
    /// From this moment on, in milliseconds since 1970.
    pub since: f64,
    /// Behind this position.
    pub after: Option<i64>,
    /// To be given back with what was read.
    pub jumps: u32,
}

impl<T> Reel<T> {
    /// From one moment to another, in milliseconds since 1970.
    pub fn new(since: f64, until: f64, speed: f64) -> Self {
        Self {
            since,
            until: until.max(since),
            at: since,
            speed,
            is_playing: true,
            ahead: VecDeque::new(),
            read_to: since,
            after: None,
            is_reading: false,
            leapt: None,
            jumps: 0,
        }
    }

    /// Where it begins, and where it ends.
    pub fn range(&self) -> (f64, f64) {
        (self.since, self.until)
    }

    /// Where it is.
    pub fn at(&self) -> f64 {
        self.at
    }

    /// How fast it is.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// It goes on, as soon as it is read.
    pub fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// Nothing is left of it.
    pub fn is_over(&self) -> bool {
        self.at >= self.until
    }

    /// It would go on, but for what is not read yet.
    pub fn is_waiting(&self) -> bool {
        self.is_playing && !self.is_over() && self.at >= self.read_to
    }

    /// How long nothing happened, in milliseconds, if that was just leapt over.
    pub fn leapt(&self) -> Option<f64> {
        self.leapt.map(|(over, _)| over)
    }

    /// Lets it go on, or stand still. One that is over begins anew.
    pub fn play(&mut self, is_playing: bool) {
        if is_playing && self.is_over() {
            self.jump(self.since);
        }
        self.is_playing = is_playing;
    }

    /// From now on it is so fast.
    pub fn set_speed(&mut self, speed: f64) {
        self.speed = speed;
    }

    /// Goes on from another moment.
    pub fn jump(&mut self, to: f64) {
        self.at = to.clamp(self.since, self.until);
        self.read_to = self.at;
        self.after = None;
        self.ahead.clear();
        self.is_reading = false;
        self.jumps = self.jumps.wrapping_add(1);
    }

    /// So much time has passed for whoever looks: what has happened in it.
    pub fn pass(&mut self, milliseconds: f64) -> Vec<T> {
        if !self.is_playing {
            return Vec::new();
        }
        self.leapt = self
            .leapt
            .map(|(over, said)| (over, said - milliseconds))
            .filter(|(_, said)| *said > 0.0);
        self.leap();
        // It never runs ahead of what is read: nobody would see what was passed over.
        let to = (self.at + milliseconds * self.speed).min(self.read_to);
        self.at = to.max(self.at);
        if self.is_over() {
            self.is_playing = false;
        }
        let mut due = Vec::new();
        while self.ahead.front().is_some_and(|(at, _)| *at <= self.at) {
            due.extend(self.ahead.pop_front().map(|(_, event)| event));
        }
        due
    }

    /// Leaps over a time in which nothing happened: nobody wants to look at it.
    fn leap(&mut self) {
        let is_read = self.read_to >= self.until;
        let next = self.ahead.front().map(|(at, _)| *at);
        let Some(next) = next.or(is_read.then_some(self.until)) else {
            return;
        };
        let over = next - LEAD_MS * self.speed - self.at;
        if next - self.at > QUIET_MS * self.speed {
            self.at += over;
            self.leapt = Some((over, SAID_MS));
        }
    }

    /// What is to be read now, if anything. It counts as asked for.
    pub fn want(&mut self) -> Option<Want> {
        let is_far = self.read_to - self.at >= AHEAD_MS * self.speed;
        if self.is_reading || is_far || self.read_to >= self.until {
            return None;
        }
        self.is_reading = true;
        Some(Want {
            since: self.read_to,
            after: self.after,
            jumps: self.jumps,
        })
    }

    /// Takes what was read: events with their moments, in order, and the position behind which there is more.
    pub fn take(&mut self, want: Want, events: Vec<(f64, T)>, next: Option<i64>) {
        if want.jumps != self.jumps {
            return;
        }
        self.is_reading = false;
        let last = events.last().map(|(at, _)| *at);
        self.ahead.extend(events);
        self.read_to = match (next, last) {
            (Some(_), Some(last)) => last.max(self.read_to),
            // Nothing of a long part: it is asked for behind it.
            (Some(_), None) => self.read_to,
            (None, _) => self.until,
        };
        self.after = next.or(self.after);
    }

    /// What was asked for did not come; it is asked for again.
    pub fn miss(&mut self, want: Want) {
        if want.jumps == self.jumps {
            self.is_reading = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [u32; 0] = [];

    /// Ten seconds, an event each, twice as fast.
    fn film() -> Reel<u32> {
        Reel::new(0.0, 10_000.0, 2.0)
    }

    fn events(from: u32, to: u32) -> Vec<(f64, u32)> {
        (from..to).map(|n| (f64::from(n) * 1_000.0, n)).collect()
    }

    #[test]
    fn it_waits_for_what_is_not_read_and_shows_each_event_once_in_order() {
        let mut film = film();
        assert_eq!(film.pass(1_000.0), NOTHING);
        assert!(film.is_waiting() && film.at().abs() < 0.01);
        let first = film.want().unwrap();
        assert!(film.want().is_none(), "it is asked for already");
        film.take(first, events(0, 4), Some(40));
        assert_eq!(film.pass(500.0), [0, 1]);
        // Read to the third second only.
        assert_eq!(film.pass(5_000.0), [2, 3]);
        assert!(film.is_waiting());
        let second = film.want().unwrap();
        assert_eq!(second.after, Some(40));
        film.take(second, events(4, 10), None);
        assert_eq!(film.pass(60_000.0), [4, 5, 6, 7, 8, 9]);
        assert!(film.is_over() && !film.is_playing());
        assert!(film.want().is_none());
    }

    #[test]
    fn a_jump_forgets_what_was_asked_for_before() {
        let mut film = film();
        let old = film.want().unwrap();
        film.jump(6_000.0);
        film.take(old, events(0, 10), None);
        assert_eq!(film.pass(1_000.0), NOTHING, "of before the jump");
        let fresh = film.want().unwrap();
        assert_eq!((fresh.since, fresh.after), (6_000.0, None));
        film.take(fresh, events(6, 10), None);
        assert_eq!(film.pass(600.0), [6, 7]);
        film.jump(-5.0);
        assert!(film.at().abs() < 0.01);
    }

    #[test]
    fn it_stands_still_while_it_is_paused_and_begins_anew_when_it_is_over() {
        let mut film = film();
        let all = film.want().unwrap();
        film.take(all, events(0, 10), None);
        film.play(false);
        assert_eq!(film.pass(9_000.0), NOTHING);
        film.play(true);
        assert_eq!(film.pass(60_000.0).len(), 10);
        film.play(true);
        assert!(film.at().abs() < 0.01);
        assert!(film.is_playing() && film.want().is_some());
    }

    #[test]
    fn what_did_not_come_is_asked_for_again() {
        let mut film = film();
        let lost = film.want().unwrap();
        film.miss(lost);
        assert_eq!(film.want().map(|want| want.since), Some(0.0));
    }

    #[test]
    fn a_time_in_which_nothing_happened_is_leapt_over() {
        let mut film: Reel<u32> = Reel::new(0.0, 1_000_000.0, 10.0);
        let want = film.want().unwrap();
        film.take(want, vec![(400_000.0, 1), (401_000.0, 2)], None);
        assert_eq!(film.pass(50.0), NOTHING);
        assert_eq!((film.at(), film.leapt()), (393_500.0, Some(393_000.0)));
        assert_eq!(film.pass(700.0), [1]);
        assert_eq!(film.pass(100.0), [2]);
        assert_eq!(film.pass(50.0), NOTHING, "nothing comes any more");
        assert!(film.at() > 990_000.0 && !film.is_over());
        assert!(film.leapt().is_some());
        assert_eq!(film.pass(3_000.0), NOTHING);
        assert!(film.is_over() && film.leapt().is_none());
    }

    #[test]
    fn it_is_read_ahead_as_far_as_its_speed_needs() {
        let mut film: Reel<u32> = Reel::new(0.0, 1e9, 10.0);
        let want = film.want().unwrap();
        film.take(want, vec![(39_000.0, 0)], Some(1));
        assert!(film.want().is_some(), "4 s at ten times");
        let mut film: Reel<u32> = Reel::new(0.0, 1e9, 10.0);
        let want = film.want().unwrap();
        film.take(want, vec![(41_000.0, 0)], Some(1));
        assert!(film.want().is_none());
    }
}
