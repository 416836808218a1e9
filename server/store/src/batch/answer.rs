//! What each append of a batch gets to hear.

use highwater_model::{Appended, Position, StreamName, Version};

use super::UnitRow;
use crate::json_check::Prepared;
use crate::{AppendOutcome, StoreError};

/// What one append gets to hear.
pub(crate) enum Verdict {
    Done(AppendOutcome),
    Refused(StoreError),
    Busy(StreamName),
}

/// The answer to an append that was recorded; `next` is the position of its first event, `heads` its streams' versions before.
pub(crate) fn appended(append: &Prepared, mut next: i64, heads: &[(i64, i64)]) -> AppendOutcome {
    let appended = append.units.iter().zip(heads).map(|(unit, (_, head))| {
        let count = i64::try_from(unit.count).unwrap_or(i64::MAX);
        let first = next;
        next += count;
        Appended {
            stream: unit.stream.clone(),
            first_version: Version(head + 1),
            last_version: Version(head + count),
            first_position: Position(first),
            last_position: Position(next - 1),
        }
    });
    AppendOutcome {
        appended: appended.collect(),
        duplicate: false,
    }
}

/// The same of a batch in which each append has its own outcome.
pub(crate) fn verdict(append: &Prepared, rows: &[&UnitRow]) -> Verdict {
    let mut appended = Vec::with_capacity(rows.len());
    let mut duplicate = true;
    for (unit, (outcome, actual, first_version, first_position, last_position, id)) in
        append.units.iter().zip(rows)
    {
        match (
            outcome.as_str(),
            first_version,
            first_position,
            last_position,
        ) {
            ("recorded" | "duplicate", Some(version), Some(first), Some(last)) => {
                duplicate &= outcome == "duplicate";
                let count = i64::try_from(unit.count).unwrap_or(i64::MAX);
                appended.push(Appended {
                    stream: unit.stream.clone(),
                    first_version: Version(*version),
                    last_version: Version(version + count - 1),
                    first_position: Position(*first),
                    last_position: Position(*last),
                });
            }
            ("conflict", ..) => {
                let actual = (*actual >= 0).then_some(Version(*actual));
                return Verdict::Refused(StoreError::Conflict {
                    stream: unit.stream.clone(),
                    expected: unit.expected,
                    actual,
                });
            }
            ("reused", ..) => {
                return Verdict::Refused(StoreError::IdReused {
                    id: id.unwrap_or_default(),
                });
            }
            ("busy", ..) => return Verdict::Busy(unit.stream.clone()),
            // Another unit says why.
            _ => {}
        }
    }
    if appended.len() == append.units.len() {
        Verdict::Done(AppendOutcome {
            appended,
            duplicate,
        })
    } else {
        Verdict::Refused(StoreError::Broken(
            "the database answered an append with nothing; this is a bug in Highwater".to_owned(),
        ))
    }
}
