//! A lag in words, and how fast it changes.

use highwater_model::{Failure, Lag, LagPoint, ReadModelState, ReadModelVersion};
use jiff::Timestamp as Moment;

/// Below this age of the oldest event a read model is as live as can be seen.
const LIVE_SECONDS: f64 = 2.0;
/// A checkpoint that stands still for longer, with events waiting, has stalled.
const STALLED_SECONDS: i64 = 10;

/// Seconds between two points; at least one.
fn seconds_between(first: &LagPoint, last: &LagPoint) -> f64 {
    last.at.duration_since(first.at).as_secs_f64().max(1.0)
}

/// Events handled a second over a history.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is told with three digits"
)]
pub(super) fn rate(history: &[LagPoint]) -> f64 {
    match history {
        [first, .., last] => {
            (last.handled - first.handled).max(0) as f64 / seconds_between(first, last)
        }
        _ => 0.0,
    }
}

/// A lag in words.
#[expect(clippy::cast_precision_loss, reason = "an estimate in words")]
pub(super) fn trend(
    version: &ReadModelVersion,
    stands_on: Option<&Failure>,
    lag: Lag,
    history: &[LagPoint],
    replays: bool,
    now: Moment,
) -> String {
    let since = |moment: Moment| now.duration_since(moment).as_secs().max(0);
    if let (ReadModelState::Faulted, Some(failure)) = (version.state, stands_on) {
        let stood = since(version.since);
        return format!("stalled at {} for {}", failure.position, spoken(stood));
    }
    if !version.state.is_running() {
        return version.state.to_string();
    }
    // What is handled again may be young; it is behind all the same.
    if lag.matching == 0 || lag.seconds < LIVE_SECONDS && !replays {
        return "live".to_owned();
    }
    let stood = since(
        version
            .moved_at
            .unwrap_or(version.created_at)
            .max(version.since),
    );
    if stood > STALLED_SECONDS {
        return format!("stalled at {} for {}", version.checkpoint, spoken(stood));
    }
    let behind = |lag: &Lag| {
        if lag.capped {
            lag.positions
        } else {
            lag.matching
        }
    };
    // Of one point nobody can say where it goes.
    let [first, .., last] = history else {
        return "catching up".to_owned();
    };
    // In one unit: matching events would jump when they reach their cap.
    let (before, after) = if first.lag.capped || lag.capped {
        (first.lag.positions, lag.positions)
    } else {
        (behind(&first.lag), behind(&lag))
    };
    let speed = (before - after) as f64 / seconds_between(first, last);
    if speed <= 0.0 {
        return "falling behind".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "seconds of an estimate")]
    let left = (after as f64 / speed).ceil() as i64;
    format!("catching up, about {}", spoken(left))
}

fn spoken(seconds: i64) -> String {
    match seconds {
        ..90 => format!("{seconds} s"),
        90..5_400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use highwater_model::{FailurePolicy, Position, VersionRole};

    use super::*;

    fn at(second: i64) -> Moment {
        Moment::from_second(1_000_000 + second).unwrap()
    }

    fn version(state: ReadModelState, moved: i64) -> ReadModelVersion {
        ReadModelVersion {
            id: 1,
            number: 1,
            role: VersionRole::Live,
            definition: String::new(),
            events: Vec::new(),
            handler: None,
            policy: FailurePolicy::Stop,
            schema: None,
            state,
            reason: None,
            since: at(-100),
            checkpoint: Position(812),
            checkpoint_event_id: None,
            moved_at: Some(at(moved)),
            generation: 1,
            handled: 0,
            failures: 0,
            created_at: at(-100),
        }
    }

    fn behind(positions: i64, matching: i64, seconds: f64) -> Lag {
        Lag {
            positions,
            matching,
            capped: matching >= 10_000,
            seconds,
        }
    }

    fn told(moved: i64, history: &[(i64, Lag)]) -> String {
        let points: Vec<LagPoint> = history
            .iter()
            .map(|&(second, lag)| LagPoint {
                at: at(second),
                lag,
                handled: 0,
            })
            .collect();
        let lag = points.last().map_or(Lag::default(), |point| point.lag);
        trend(
            &version(ReadModelState::CatchingUp, moved),
            None,
            lag,
            &points,
            false,
            at(30),
        )
    }

    #[test]
    fn a_trend_is_told_in_words() {
        assert_eq!(told(30, &[(0, behind(0, 0, 0.0))]), "live");
        assert_eq!(
            told(30, &[(0, behind(900, 500, 9.0)), (30, behind(4, 3, 0.5))]),
            "live"
        );
        assert_eq!(
            told(
                30,
                &[
                    (0, behind(9_000, 7_000, 90.0)),
                    (30, behind(5_000, 4_000, 50.0))
                ]
            ),
            "catching up, about 40 s"
        );
        // In positions as soon as one end is more than was counted.
        assert_eq!(
            told(
                30,
                &[
                    (0, behind(90_000, 10_000, 90.0)),
                    (30, behind(60_000, 9_000, 50.0))
                ]
            ),
            "catching up, about 60 s"
        );
        assert_eq!(
            told(30, &[(0, behind(10, 10, 5.0)), (30, behind(50, 50, 20.0))]),
            "falling behind"
        );
        assert_eq!(
            told(-150, &[(30, behind(50, 50, 180.0))]),
            "stalled at 812 for 2 min"
        );
        assert_eq!(
            trend(
                &version(ReadModelState::Paused, 0),
                None,
                behind(5, 5, 5.0),
                &[],
                false,
                at(30)
            ),
            "paused"
        );
    }
}
