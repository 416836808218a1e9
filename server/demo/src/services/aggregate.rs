//! Write models: what is decided follows from the events of one stream, and from nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use highwater_model::{ExpectedVersion, Position, ProposedEvent, Version};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::cause::Cause;
use super::client::{Client, ClientError};

/// Streams that are kept in memory; who needs more of them reads them again.
const KEPT: usize = 2_000;
/// How often a command is decided anew because others appended meanwhile, before that is an error.
const TRIES: usize = 100;

/// An event that a write model decided on: its type and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What happens.
    pub event_type: &'static str,
    /// The facts.
    pub data: Value,
}

impl Draft {
    /// An event of this type, with these facts.
    pub fn new(event_type: &'static str, data: Value) -> Self {
        Self { event_type, data }
    }
}

/// Why a command is not done, and never will be: a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// A write model.
pub trait Aggregate: Default + Send + 'static {
    /// What can be asked of it.
    type Command: std::fmt::Debug + Send + Sync;

    /// Takes in an event of its stream. It knows all types that were ever appended there, and leaves out what it does not need.
    fn evolve(&mut self, event_type: &str, data: &Value);

    /// What comes of a command: events, none when it is done already, or why not.
    ///
    /// A command that led to nothing must lead to nothing later on, too: it may come a second time at any later moment.
    ///
    /// # Errors
    /// When the rules are against it.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Draft>, Refusal>;
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Events were appended, the last of them here.
    Appended(Position),
    /// Nothing was left to do; the stream's last event is here.
    Done(Option<Position>),
    /// The rules are against it.
    Refused(Refusal),
}

/// A stream as it was seen last.
struct Seen<A> {
    aggregate: A,
    /// The version of the next event.
    next: i64,
    /// The position of the last event.
    last: Option<Position>,
    ids: HashSet<Uuid>,
}

impl<A: Aggregate> Default for Seen<A> {
    fn default() -> Self {
        Self {
            aggregate: A::default(),
            next: 0,
            last: None,
            ids: HashSet::new(),
        }
    }
}

impl<A: Aggregate> Seen<A> {
    fn take(&mut self, id: Uuid, event_type: &str, data: &Value) {
        self.aggregate.evolve(event_type, data);
        self.ids.insert(id);
        self.next += 1;
    }

    async fn catch_up(&mut self, client: &Client, stream: &str) -> Result<(), ClientError> {
        for event in client.read_stream(stream, self.next).await? {
            let data = serde_json::from_str(event.data.get()).unwrap_or_default();
            self.take(event.id, &event.event_type, &data);
            self.last = Some(event.position);
        }
        Ok(())
    }
}

/// All streams of one write model. What was read of one is kept, so a stream of a year is not read for each command; that it is out of date
/// shows when it is read on, or at the latest when the append meets another version.
pub struct Aggregates<A> {
    client: Arc<Client>,
    seen: Mutex<HashMap<String, Arc<Mutex<Seen<A>>>>>,
}

impl<A: Aggregate> Aggregates<A> {
    /// None read yet.
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            seen: Mutex::default(),
        }
    }

    /// Reads the stream, decides, appends at the version that was read; reads and decides again when somebody else was faster.
    ///
    /// A cause that has led to events in this stream leads to no others, so an event that is delivered again changes nothing.
    ///
    /// # Errors
    /// When the server refuses, or the service is to stop.
    pub async fn handle(
        &self,
        stream: &str,
        command: &A::Command,
        cause: &Cause,
    ) -> Result<Outcome, ClientError> {
        let seen = self.of(stream).await;
        // Held to the end: commands of this process for one stream don't race each other.
        let mut seen = seen.lock().await;
        for _ in 0..TRIES {
            seen.catch_up(&self.client, stream).await?;
            if seen.ids.contains(&cause.id_for(stream, "0")) {
                return Ok(Outcome::Done(seen.last));
            }
            let drafts = match seen.aggregate.decide(command) {
                Ok(drafts) if drafts.is_empty() => return Ok(Outcome::Done(seen.last)),
                Ok(drafts) => drafts,
                Err(refusal) => return Ok(Outcome::Refused(refusal)),
            };
            let events = propose(&drafts, stream, cause);
            let expected = match seen.next {
                0 => ExpectedVersion::None,
                next => ExpectedVersion::Exactly(Version(next - 1)),
            };
            match self.client.append(stream, expected, &events).await {
                Ok(appended) => return Ok(Outcome::Appended(appended.last_position)),
                Err(ClientError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::Conflict)
    }

    async fn of(&self, stream: &str) -> Arc<Mutex<Seen<A>>> {
        let mut all = self.seen.lock().await;
        if all.len() >= KEPT {
            // Those that are in use live on with who uses them; two copies of one are as good as two processes.
            all.clear();
        }
        let seen = all.entry(stream.to_owned()).or_default();
        Arc::clone(seen)
    }
}

fn propose(drafts: &[Draft], stream: &str, cause: &Cause) -> Vec<ProposedEvent> {
    let metadata = raw(&cause.metadata());
    let of = |(number, draft): (usize, &Draft)| ProposedEvent {
        event_type: draft.event_type.to_owned(),
        data: raw(&draft.data),
        id: Some(cause.id_for(stream, &number.to_string())),
        occurred_at: None,
        metadata: Some(metadata.clone()),
    };
    drafts.iter().enumerate().map(of).collect()
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Folds what was decided, and goes on with it.
    pub(crate) fn decided<A: Aggregate>(
        aggregate: &mut A,
        command: &A::Command,
    ) -> Vec<&'static str> {
        let drafts = aggregate.decide(command).unwrap();
        for draft in &drafts {
            aggregate.evolve(draft.event_type, &draft.data);
        }
        drafts.iter().map(|draft| draft.event_type).collect()
    }
}
