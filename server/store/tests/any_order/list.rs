//! The store as a list.

use std::collections::HashSet;

use highwater_model::ExpectedVersion;

use super::orders::{New, Part};

/// An event of it; its place in the list is its position.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) stream: usize,
    pub(crate) version: i64,
    pub(crate) new: New,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    pub(crate) entries: Vec<Entry>,
}

/// Of each part its first and last version, its first and last place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) appended: Vec<[i64; 4]>,
    pub(crate) duplicate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    StreamTwice,
    IdReused,
    /// A stream, and its version.
    Conflict(Option<usize>, Option<i64>),
}

/// What becomes of a part by itself.
enum Verdict {
    Fits,
    /// It is there as a whole, in its order: its answer.
    There([i64; 4]),
    Refused(Refusal),
}

pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

/// As SQL is told.
pub(crate) fn number(expected: ExpectedVersion) -> i64 {
    match expected {
        ExpectedVersion::None => -1,
        ExpectedVersion::Any => -2,
        ExpectedVersion::Exists => -3,
        ExpectedVersion::Exactly(version) => version.0,
    }
}

impl List {
    /// Places of a stream's events.
    pub(crate) fn of_stream(&self, stream: usize) -> Vec<usize> {
        let places = 0..self.entries.len();
        places
            .filter(|place| self.entries[*place].stream == stream)
            .collect()
    }

    fn fits(&self, part: &Part) -> bool {
        let head = count(self.of_stream(part.stream).len()) - 1;
        match part.expected {
            ExpectedVersion::Any => true,
            ExpectedVersion::None => head < 0,
            ExpectedVersion::Exists => head >= 0,
            ExpectedVersion::Exactly(version) => version.0 == head,
        }
    }

    fn place_of(&self, id: usize) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.new.id == Some(id))
    }

    /// For each event of a part whose id is there: its number in the part, its place, and whether it is the same.
    fn known(&self, part: &Part) -> Vec<(usize, usize, bool)> {
        let news = part.events.iter().enumerate();
        let known = news.filter_map(|(number, new)| {
            let place = self.place_of(new.id?)?;
            let entry = &self.entries[place];
            let same = entry.stream == part.stream && entry.new == *new;
            Some((number, place, same))
        });
        known.collect()
    }

    fn verdict(&self, part: &Part) -> Verdict {
        let known = self.known(part);
        let Some((first_number, first_place, _)) = known.first().copied() else {
            if self.fits(part) {
                return Verdict::Fits;
            }
            let head = count(self.of_stream(part.stream).len()) - 1;
            let actual = (head >= 0).then_some(head);
            return Verdict::Refused(Refusal::Conflict(Some(part.stream), actual));
        };
        let version = |place: usize| self.entries[place].version;
        let first = version(first_place) - count(first_number);
        let in_order = known
            .iter()
            .all(|(number, place, same)| *same && version(*place) - count(*number) == first);
        if known.len() < part.events.len() || !in_order {
            return Verdict::Refused(Refusal::IdReused);
        }
        let places: Vec<i64> = known.iter().map(|(_, place, _)| count(*place)).collect();
        let last = first + count(part.events.len()) - 1;
        Verdict::There([first, last, places[0], places[places.len() - 1]])
    }

    fn push(&mut self, part: &Part) -> [i64; 4] {
        let first_version = count(self.of_stream(part.stream).len());
        let first_place = count(self.entries.len());
        for (version, new) in (first_version..).zip(&part.events) {
            self.entries.push(Entry {
                stream: part.stream,
                version,
                new: new.clone(),
            });
        }
        let more = count(part.events.len()) - 1;
        [
            first_version,
            first_version + more,
            first_place,
            first_place + more,
        ]
    }

    /// All of it or nothing.
    pub(crate) fn append(&mut self, parts: &[Part]) -> Result<Answer, Refusal> {
        let (mut streams, mut ids) = (HashSet::new(), HashSet::new());
        for part in parts {
            if !streams.insert(part.stream) {
                return Err(Refusal::StreamTwice);
            }
            let mut given = part.events.iter().filter_map(|new| new.id);
            if given.any(|id| !ids.insert(id)) {
                return Err(Refusal::IdReused);
            }
        }
        let mut there = Vec::new();
        let mut refusal = None;
        for part in parts {
            match self.verdict(part) {
                Verdict::Fits => {}
                Verdict::There(answer) => there.push(answer),
                Verdict::Refused(why) => refusal = refusal.or(Some(why)),
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if there.len() == parts.len() {
            return Ok(Answer {
                appended: there,
                duplicate: true,
            });
        }
        if !there.is_empty() {
            return Err(Refusal::IdReused);
        }
        Ok(Answer {
            appended: parts.iter().map(|part| self.push(part)).collect(),
            duplicate: false,
        })
    }

    /// Versions, or the code of the refusal.
    pub(crate) fn append_by_sql(&mut self, part: &Part) -> Result<Vec<i64>, &'static str> {
        let known = self.known(part);
        if !known.is_empty() {
            if known.len() < part.events.len() || known.iter().any(|(_, _, same)| !same) {
                return Err("HW410");
            }
            let versions = known
                .iter()
                .map(|(_, place, _)| self.entries[*place].version);
            let first = versions.min().unwrap_or_default();
            return Ok((first..first + count(known.len())).collect());
        }
        if !self.fits(part) {
            return Err("HW409");
        }
        let [first, last, ..] = self.push(part);
        Ok((first..=last).collect())
    }
}
