//! The browser's WebSocket: the one place that touches it. A page has one connection; its parts share it.

use std::cell::RefCell;

use highwater_model::live::{SUBPROTOCOL, ServerMessage};
use highwater_model::{MaintenanceAnswer, Position, RecordedEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use super::machine::{Board, Effect, Input, Machine, Status};
use super::{Buffer, Live};
use crate::api::{Api, leave_for_login};

/// Messages kept for the next animation frame at most; a hidden page has no frames, so beyond this they are handled at once.
const INBOX: usize = 128;
/// What the server closes a connection with whose session has ended.
const LOGIN_NEEDED: u16 = 4401;

thread_local! {
    static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
}

struct Client {
    machine: Machine,
    live: Live,
    socket: Option<Socket>,
    buffer: Option<RwSignal<Buffer>>,
    /// One entry for each part of the page that watches a board; while pages change there may be two.
    watchers: Vec<Board>,
    inbox: Vec<String>,
}

/// A socket and the closures that it calls.
struct Socket {
    inner: WebSocket,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _open: Closure<dyn FnMut()>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onmessage(None);
        self.inner.set_onopen(None);
        self.inner.set_onclose(None);
        // It may be closed already.
        let _ = self.inner.close();
    }
}

/// Opens the page's connection; once.
pub fn start(live: Live) {
    let started = CLIENT.with_borrow_mut(|client| {
        if client.is_some() {
            return false;
        }
        *client = Some(Client {
            machine: Machine::default(),
            live,
            socket: None,
            buffer: None,
            watchers: Vec::new(),
            inbox: Vec::new(),
        });
        true
    });
    if started {
        handle(Input::Start);
        // For the banner of every page.
        watch(Board::Maintenance);
        when_whole(move || {
            live.now.set(Some(js_sys::Date::now()));
            set_interval(
                move || {
                    live.now.set(Some(js_sys::Date::now()));
                    handle(Input::Tick);
                },
                std::time::Duration::from_secs(1),
            );
        });
    }
}

/// Calls back when the document is read to its end, and all that it brings along is on the page: on a slow machine the program may start
/// before that, and what is not there yet has to be taken over as the server wrote it, without a clock.
fn when_whole(then: impl FnOnce() + 'static) {
    set_timeout(
        move || {
            if document().ready_state() == "loading" {
                when_whole(then);
            } else {
                then();
            }
        },
        std::time::Duration::from_millis(20),
    );
}

/// Brings events of `filter` into `buffer`, from `after` on.
pub fn follow(filter: String, after: Position, buffer: RwSignal<Buffer>) {
    drain();
    CLIENT.with_borrow_mut(|client| {
        if let Some(client) = client {
            client.buffer = Some(buffer);
        }
    });
    handle(Input::Follow { filter, after });
}

/// Ends what [`follow`] began, unless another part follows by now.
pub fn unfollow(buffer: RwSignal<Buffer>) {
    let mine = CLIENT.with_borrow_mut(|client| {
        client.as_mut().is_some_and(|client| {
            let mine = client.buffer == Some(buffer);
            if mine {
                client.buffer = None;
            }
            mine
        })
    });
    if mine {
        handle(Input::Unfollow);
    }
}

/// Begins to watch a board.
pub fn watch(board: Board) {
    CLIENT.with_borrow_mut(|client| {
        if let Some(client) = client {
            client.watchers.push(board);
        }
    });
    handle(Input::Watch(board, true));
}

/// Ends what [`watch`] began, unless another part watches the same.
pub fn unwatch(board: Board) {
    let watched = CLIENT.with_borrow_mut(|client| {
        client.as_mut().is_some_and(|client| {
            let one = client.watchers.iter().position(|watched| *watched == board);
            if let Some(one) = one {
                client.watchers.swap_remove(one);
            }
            client.watchers.contains(&board)
        })
    });
    handle(Input::Watch(board, watched));
}

/// Gives the machine an input and does what it says. Signals are set outside the borrow: their effects may come back here.
/// True when the message's events are wanted.
fn handle(input: Input) -> bool {
    let done = CLIENT.with_borrow_mut(|client| {
        let client = client.as_mut()?;
        let effects = client
            .machine
            .handle(input, js_sys::Date::now(), js_sys::Math::random());
        let (mut gaps, mut take) = (Vec::new(), false);
        for effect in effects {
            match effect {
                Effect::Connect => client.socket = connect(),
                Effect::Disconnect => {
                    client.socket = None;
                    client.inbox.clear();
                }
                Effect::Send(message) => {
                    if let (Some(socket), Ok(text)) =
                        (&client.socket, serde_json::to_string(&message))
                    {
                        // A socket that can't send is closing: `onclose` follows.
                        let _ = socket.inner.send_with_str(&text);
                    }
                }
                Effect::Missed(gap) => gaps.push(gap),
                Effect::Take => take = true,
            }
        }
        Some((
            client.live,
            client.machine.status(),
            client.buffer,
            gaps,
            take,
        ))
    });
    let Some((live, status, buffer, gaps, take)) = done else {
        return false;
    };
    if live.status.get_untracked() != status {
        live.status.set(status);
    }
    if let (Some(buffer), false) = (buffer, gaps.is_empty()) {
        let _ = buffer.try_update(|buffer| gaps.into_iter().for_each(|gap| buffer.push_gap(gap)));
    }
    take
}

fn connect() -> Option<Socket> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" {
        "wss"
    } else {
        "ws"
    };
    let url = format!("{scheme}://{}/api/live", location.host().ok()?);
    let socket = WebSocket::new_with_str(&url, SUBPROTOCOL).ok()?;
    let message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            received(text);
        }
    });
    let open = Closure::<dyn FnMut()>::new(|| {
        handle(Input::Opened);
    });
    let close = Closure::<dyn FnMut(CloseEvent)>::new(|event: CloseEvent| {
        drain();
        if event.code() == LOGIN_NEEDED {
            // Trying again would be refused again. The socket goes with its closures: not while one of them runs.
            set_timeout(
                || {
                    handle(Input::Stop);
                },
                std::time::Duration::ZERO,
            );
            leave_for_login();
        } else {
            let opened = is_open();
            handle(Input::Lost);
            if !opened {
                // The browser does not tell why a connection was refused. Any call is told when that is for want of a login, and leads to it.
                leptos::task::spawn_local(async {
                    let _ = Api::from_context().store().await;
                });
            }
        }
    });
    socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
    socket.set_onopen(Some(open.as_ref().unchecked_ref()));
    socket.set_onclose(Some(close.as_ref().unchecked_ref()));
    Some(Socket {
        inner: socket,
        _message: message,
        _open: open,
        _close: close,
    })
}

/// The server has taken the connection.
fn is_open() -> bool {
    CLIENT.with_borrow(|client| {
        client
            .as_ref()
            .is_some_and(|client| client.machine.status() != Status::Connecting)
    })
}

/// Keeps a message for the next animation frame: however many come, the page changes once a frame.
fn received(text: String) {
    let waiting = CLIENT.with_borrow_mut(|client| {
        client.as_mut().map_or(0, |client| {
            client.inbox.push(text);
            client.inbox.len()
        })
    });
    if waiting == 1 {
        request_animation_frame(drain);
    } else if waiting >= INBOX {
        drain();
    }
}

/// Handles what has come since the last frame.
fn drain() {
    let Some((live, inbox)) = CLIENT.with_borrow_mut(|client| {
        client
            .as_mut()
            .map(|client| (client.live, std::mem::take(&mut client.inbox)))
    }) else {
        return;
    };
    if inbox.is_empty() {
        return;
    }
    live.heard_at.set(Some(js_sys::Date::now()));
    let mut events: Vec<RecordedEvent> = Vec::new();
    let (mut mark, mut lag, mut jobs, mut subscriptions) = (None, None, None, None);
    let mut maintenance = None;
    for text in inbox {
        match serde_json::from_str(&text) {
            Ok(message) => {
                match &message {
                    // It goes between the events before it and those behind it.
                    ServerMessage::Gap { .. } => show(std::mem::take(&mut events)),
                    ServerMessage::Mark { mark: newest, .. } => mark = Some(newest.clone()),
                    ServerMessage::Lag { lag: newest, .. } => lag = Some(newest.clone()),
                    ServerMessage::Jobs { jobs: newest, .. } => jobs = Some(newest.clone()),
                    ServerMessage::Subscriptions {
                        subscriptions: newest,
                        ..
                    } => subscriptions = Some(newest.clone()),
                    ServerMessage::Maintenance {
                        maintenance: newest,
                        ..
                    } => {
                        maintenance = Some(MaintenanceAnswer {
                            maintenance: newest.clone(),
                        });
                    }
                    _ => {}
                }
                events.extend(handle_message(message));
            }
            Err(error) => {
                leptos::logging::warn!("a message of the live feed could not be read: {error}");
            }
        }
    }
    show(events);
    if mark.is_some() {
        live.mark.set(mark);
    }
    if lag.is_some() {
        live.lag.set(lag);
    }
    if jobs.is_some() {
        live.jobs.set(jobs);
    }
    if subscriptions.is_some() {
        live.subscriptions.set(subscriptions);
    }
    if maintenance.is_some() {
        live.maintenance.set(maintenance);
    }
}

/// The message's events, if they belong to what the page follows.
fn handle_message(mut message: ServerMessage) -> Vec<RecordedEvent> {
    // The machine decides by the feed's id alone; it needs to know that there were events, not which.
    let events = match &mut message {
        ServerMessage::Events { events, .. } => std::mem::take(events),
        _ => Vec::new(),
    };
    if handle(Input::Message(Box::new(message))) {
        events
    } else {
        Vec::new()
    }
}

fn show(events: Vec<RecordedEvent>) {
    let buffer = CLIENT.with_borrow(|client| client.as_ref().and_then(|client| client.buffer));
    if let (Some(buffer), false) = (buffer, events.is_empty()) {
        let _ = buffer.try_update(|buffer| buffer.push(events));
    }
}
