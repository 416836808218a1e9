//! What goes into the machine, what comes out of it, and how the connection is.

use highwater_model::live::{ClientMessage, ServerMessage};
use highwater_model::{Gap, Position};

use super::Board;

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Status {
    /// Opening a connection.
    Connecting,
    /// Connected; reading what was recorded meanwhile.
    Behind,
    /// Connected; events come as they are recorded.
    Live,
    /// Lost; the next attempt is at this time.
    Waiting {
        /// Milliseconds since 1970.
        until: f64,
    },
    /// Ended for good.
    Closed,
}

/// What happens to the machine.
#[derive(Debug)]
pub enum Input {
    /// The page wants to be connected.
    Start,
    /// The socket is open.
    Opened,
    /// The socket is gone.
    Lost,
    /// A message came.
    Message(Box<ServerMessage>),
    /// A second has passed, or the page became visible.
    Tick,
    /// The page wants the events of this filter, from this position on.
    Follow {
        /// The filter line; empty for every event.
        filter: String,
        /// Where what the page shows ends.
        after: Position,
    },
    /// The page wants no events any more.
    Unfollow,
    /// The page wants to know what is on a board, or no more.
    Watch(Board, bool),
    /// The page ends.
    Stop,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a socket.
    Connect,
    /// Close the socket and forget it.
    Disconnect,
    /// Send this.
    Send(ClientMessage),
    /// Show what was missed.
    Missed(Gap),
    /// The message's events belong to what the page follows.
    Take,
}
