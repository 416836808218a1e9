//! Projections in code, for those who embed the engine.

use std::pin::Pin;

use highwater_store::read_models::{PgConnection, Reads, SliceEvent, SqlError};

/// What a projection's work comes to.
pub type Work<'a, T = ()> = Pin<Box<dyn Future<Output = Result<T, ProjectionError>> + Send + 'a>>;

/// Why a projection could not handle a slice.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// One of its statements failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// It can't make sense of an event.
    #[error("{0}")]
    Event(String),
}

/// Turns events into rows. What it writes through the connection is kept together with its checkpoint, or not at all; it never ends
/// the transaction itself.
pub trait Projection: Send + Sync + 'static {
    /// Its name, as of a read model.
    fn name(&self) -> &str;
    /// Types of the events that it handles; `*` stands for any characters.
    fn events(&self) -> Vec<String>;
    /// What it looks at of an event; it is faster without the names of streams and without metadata.
    fn reads(&self) -> Reads {
        Reads::ALL
    }
    /// Makes its tables where they are missing; called whenever a runner starts.
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a>;
    /// Handles a slice of events, in order.
    fn apply<'a>(
        &'a self,
        events: &'a [SliceEvent<'a>],
        connection: &'a mut PgConnection,
    ) -> Work<'a>;
    /// How it takes in many thousands of events at once; none: they are handed to `apply`, fewer at a time. `empty`: it has not
    /// handled any event, so its tables have no rows.
    fn loading(&self, empty: bool) -> Option<Box<dyn Loading>> {
        let _ = empty;
        None
    }
}

/// A large slice on its way into rows: its events come part by part, each is taken and then settled.
pub trait Loading: Send {
    /// Takes events in. On a thread of its own: the next part is being read meanwhile.
    fn take(&mut self, events: &[SliceEvent<'_>]) -> Result<(), ProjectionError>;
    /// Does what is left to do for the events that it has taken: with what is in its tables already, if it needs that.
    fn settle<'a>(&'a mut self, connection: &'a mut PgConnection) -> Work<'a>;
    /// It has more in memory than it should, so `write` is called before the next part.
    fn is_full(&self) -> bool;
    /// Writes what it has.
    fn write<'a>(&'a mut self, connection: &'a mut PgConnection) -> Work<'a>;
}
