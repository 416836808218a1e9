//! The connection, lost and found again, without a browser.

use super::*;

fn follow(machine: &mut Machine, after: i64) -> Vec<Effect> {
    machine.handle(
        Input::Follow {
            filter: String::new(),
            after: Position(after),
        },
        0.0,
        0.0,
    )
}

fn says(machine: &mut Machine, text: &str, now: f64) -> Vec<Effect> {
    machine.handle(
        Input::Message(Box::new(serde_json::from_str(text).unwrap())),
        now,
        0.0,
    )
}

fn mark(position: i64) -> String {
    format!(
        r#"{{"id":1,"mark":{{"position":{position},"event_id":null,"recorded_at":null,"seen_at":"2026-01-01T00:00:00Z","rate":0.0}}}}"#
    )
}

fn subscribed_after(effects: &[Effect]) -> Option<After> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send(ClientMessage::Subscribe(subscribe))
            if subscribe.subscribe == Topic::Events =>
        {
            subscribe.after
        }
        _ => None,
    })
}

fn live_at(position: i64) -> Machine {
    let mut machine = Machine::default();
    follow(&mut machine, position);
    assert_eq!(machine.handle(Input::Start, 0.0, 0.0), [Effect::Connect]);
    assert_eq!(
        subscribed_after(&machine.handle(Input::Opened, 0.0, 0.0)),
        Some(After::Position(Position(position)))
    );
    says(
        &mut machine,
        &format!(r#"{{"id":5,"caught_up":{position}}}"#),
        0.0,
    );
    assert_eq!(machine.status(), Status::Live);
    machine
}

#[test]
fn it_resumes_where_it_was_after_a_short_loss() {
    let mut machine = live_at(10);
    assert_eq!(
        says(&mut machine, r#"{"id":5,"events":[],"next":40}"#, 1.0),
        [Effect::Take]
    );
    machine.handle(Input::Lost, 2.0, 1.0);
    assert_eq!(machine.status(), Status::Waiting { until: 502.0 });
    assert!(machine.handle(Input::Tick, 400.0, 0.0).is_empty());
    assert_eq!(machine.handle(Input::Tick, 600.0, 0.0), [Effect::Connect]);
    assert_eq!(
        subscribed_after(&machine.handle(Input::Opened, 700.0, 0.0)),
        None,
        "the mark comes first"
    );
    assert_eq!(
        subscribed_after(&says(&mut machine, &mark(100), 800.0)),
        Some(After::Position(Position(40)))
    );
}

#[test]
fn what_a_long_sleep_missed_is_a_gap() {
    let mut machine = live_at(10);
    machine.handle(Input::Tick, 1_000.0, 0.0);
    assert_eq!(
        machine.handle(Input::Tick, 3_600_000.0, 0.0),
        [Effect::Disconnect, Effect::Connect]
    );
    machine.handle(Input::Opened, 3_600_100.0, 0.0);
    let effects = says(&mut machine, &mark(9_000), 3_600_200.0);
    assert_eq!(
        effects[0],
        Effect::Missed(Gap::between(Position(10), Position(9_001)))
    );
    assert_eq!(
        subscribed_after(&effects),
        Some(After::Position(Position(9_000)))
    );
}

#[test]
fn attempts_grow_further_apart_up_to_half_a_minute() {
    let mut machine = live_at(0);
    let mut waits = Vec::new();
    for _ in 0..10 {
        machine.handle(Input::Lost, 0.0, 1.0);
        if let Status::Waiting { until } = machine.status() {
            waits.push(until);
        }
    }
    assert_eq!(waits[..4], [500.0, 1_000.0, 2_000.0, 4_000.0]);
    assert_eq!(waits[9..], [30_000.0]);
}

#[test]
fn an_answer_to_an_earlier_filter_is_not_taken() {
    let mut machine = live_at(10);
    let effects = machine.handle(
        Input::Follow {
            filter: "type:A".to_owned(),
            after: Position(20),
        },
        0.0,
        0.0,
    );
    assert_eq!(
        effects[0],
        Effect::Send(ClientMessage::Unsubscribe(Unsubscribe { unsubscribe: 5 }))
    );
    assert!(says(&mut machine, r#"{"id":5,"events":[],"next":30}"#, 0.0).is_empty());
    assert_eq!(machine.next(), Some(Position(20)));
    assert_eq!(
        says(&mut machine, r#"{"id":6,"events":[],"next":30}"#, 0.0),
        [Effect::Take]
    );
}

#[test]
fn a_gap_of_the_server_moves_the_place_to_resume_from() {
    let mut machine = live_at(10);
    says(
        &mut machine,
        r#"{"id":5,"gap":{"after":10,"before":100,"count":89}}"#,
        0.0,
    );
    assert_eq!(machine.next(), Some(Position(99)));
}

#[test]
fn silence_is_taken_for_a_dead_connection() {
    let mut machine = live_at(10);
    machine.handle(Input::Tick, 11_000.0, 0.0);
    assert_eq!(
        machine.handle(Input::Tick, 13_000.0, 0.0),
        [Effect::Disconnect]
    );
    assert!(matches!(machine.status(), Status::Waiting { .. }));
}

#[test]
fn what_is_watched_is_watched_again_on_a_new_connection() {
    let mut machine = live_at(10);
    for board in Board::ALL {
        assert_eq!(
            machine.handle(Input::Watch(board, true), 0.0, 0.0),
            [board.begin()]
        );
    }
    machine.handle(Input::Lost, 0.0, 0.0);
    assert_eq!(machine.handle(Input::Tick, 600.0, 0.0), [Effect::Connect]);
    let opened = machine.handle(Input::Opened, 700.0, 0.0);
    assert!(
        Board::ALL
            .iter()
            .all(|board| opened.contains(&board.begin()))
    );
    assert_eq!(
        machine.handle(Input::Watch(Board::Lag, false), 800.0, 0.0),
        [Board::Lag.end()]
    );
    machine.handle(Input::Lost, 900.0, 0.0);
    machine.handle(Input::Tick, 2_000.0, 0.0);
    let opened = machine.handle(Input::Opened, 2_100.0, 0.0);
    assert!(opened.contains(&Board::Jobs.begin()) && !opened.contains(&Board::Lag.begin()));
}

#[test]
fn a_board_is_asked_for_once_and_only_when_connected() {
    let mut machine = Machine::default();
    assert!(
        machine
            .handle(Input::Watch(Board::Jobs, true), 0.0, 0.0)
            .is_empty()
    );
    machine.handle(Input::Start, 0.0, 0.0);
    assert!(
        machine
            .handle(Input::Opened, 0.0, 0.0)
            .contains(&Board::Jobs.begin())
    );
    assert!(
        machine
            .handle(Input::Watch(Board::Jobs, true), 0.0, 0.0)
            .is_empty()
    );
}

#[test]
fn a_closed_one_stays_closed() {
    let mut machine = live_at(10);
    assert_eq!(machine.handle(Input::Stop, 0.0, 0.0), [Effect::Disconnect]);
    assert!(machine.handle(Input::Tick, 60_000.0, 0.0).is_empty());
    assert_eq!(machine.status(), Status::Closed);
}
