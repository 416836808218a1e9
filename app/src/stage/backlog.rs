//! What waits at each door, as the readers' lag says; and how much of it was taken since.

use std::collections::BTreeMap;

/// By name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog(BTreeMap<String, i64>);

impl Backlog {
    /// How many events wait for this one.
    pub fn of(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Takes over what is said now. Answers who has taken how many of what waited, as far as that is more than comes and goes anyway.
    pub fn take<'a>(&mut self, said: impl Iterator<Item = (&'a str, i64)>) -> Vec<(String, i64)> {
        let mut taken = Vec::new();
        for (name, waiting) in said {
            let before = self.0.insert(name.to_owned(), waiting).unwrap_or(waiting);
            if before - waiting >= Self::MANY {
                taken.push((name.to_owned(), before - waiting));
            }
        }
        taken
    }

    /// Fewer than these are on their way anyway.
    const MANY: i64 = 4;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_of_a_pile_is_told_once() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.take([("payments", 30)].into_iter()), []);
        assert_eq!(backlog.of("payments"), 30);
        let taken = backlog.take([("payments", 10), ("stock", 1)].into_iter());
        assert_eq!(taken, [("payments".to_owned(), 20)]);
        assert_eq!(backlog.take([("payments", 8)].into_iter()), []);
        assert_eq!(backlog.of("nobody"), 0);
    }
}
