//! States of streams, folded from their events.
//!
//! Events never change, so neither does a state at a version: some of them are kept on the way, and the next look at a long stream
//! begins at the nearest one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use highwater_model::filter::Filter;
use highwater_model::{
    RecordedEvent, State, StateBy, StateChange, StateFound, StreamName, StreamState, Version,
};
use highwater_store::{Direction, Store, StoreError};

/// Events that are read at once; a state is kept after so many.
const PAGE: i64 = 1_000;
/// What the texts of kept states come to at most; beyond it they are folded anew.
const KEPT_BYTES: usize = 32 << 20;
/// A condition is looked for this long.
const LOOKING: Duration = Duration::from_secs(5);
/// Events that are named as those that set a field, at most.
const SET_BY: usize = 500;

/// States of streams. Cheap to clone: clones share what is kept.
#[derive(Debug, Clone)]
pub struct States {
    store: Store,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By stream, by version.
    states: HashMap<StreamName, BTreeMap<i64, State>>,
    bytes: usize,
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No such stream.
    #[error("There is no stream {0}; GET /api/streams?query=… finds the ones there are.")]
    NoStream(StreamName),
    /// The stream is not that long.
    #[error("Stream {stream} ends at version {last}; there is no version {version} yet.")]
    NoVersion {
        /// The stream.
        stream: StreamName,
        /// What was asked for.
        version: Version,
        /// Its newest version.
        last: Version,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A state, the one before, and the event between them.
struct Step {
    before: State,
    after: State,
    event: RecordedEvent,
    last: Version,
}

impl States {
    /// Of this store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            kept: Arc::default(),
        }
    }

    /// The state after a version, the newest unless given, and what its event changed.
    pub async fn at(
        &self,
        stream: &StreamName,
        version: Option<Version>,
    ) -> Result<StreamState, StateError> {
        let step = self.step(stream, version).await?;
        let fields = step.after.fields();
        let mut versions: Vec<Version> = fields.iter().map(|field| field.version).collect();
        versions.sort_unstable_by(|one, other| other.cmp(one));
        versions.dedup();
        versions.truncate(SET_BY);
        Ok(StreamState {
            stream: stream.clone(),
            version: step.event.version,
            last_version: step.last,
            by: StateBy::Merge,
            state: step.after.json(),
            changes: step.before.changes(&step.after),
            set_by: self.store.event_heads(stream, &versions).await?,
            fields,
            event: step.event,
        })
    }

    /// What is to be done to the state at one version to get the state at another, which may be an earlier one.
    pub async fn changes(
        &self,
        stream: &StreamName,
        from: Version,
        to: Version,
    ) -> Result<Vec<StateChange>, StateError> {
        let before = self.step(stream, Some(from)).await?.after;
        let after = self.step(stream, Some(to)).await?.after;
        Ok(before.changes(&after))
    }

    /// The first version at which the state meets a filter line, whose `data` is the state. It is looked for from the beginning, for
    /// some seconds.
    pub async fn first(
        &self,
        stream: &StreamName,
        condition: &Filter,
    ) -> Result<StateFound, StateError> {
        let began = Instant::now();
        let now = self.store.clock().now();
        let mut found = StateFound {
            stream: stream.clone(),
            version: None,
            looked_up_to: Version(-1),
            last_version: Version(-1),
        };
        let mut state = State::default();
        loop {
            let page = self.page(stream, found.looked_up_to.0 + 1).await?;
            found.last_version = page.last_version;
            for mut event in page.events {
                state.merge(&event.data, event.version);
                event.data = state.json();
                found.looked_up_to = event.version;
                if condition.matches(&event, now) {
                    found.version = Some(event.version);
                    return Ok(found);
                }
            }
            if page.next.is_none() || began.elapsed() > LOOKING {
                return Ok(found);
            }
        }
    }

    async fn page(
        &self,
        stream: &StreamName,
        from: i64,
    ) -> Result<highwater_model::StreamPage, StateError> {
        let limit = usize::try_from(PAGE).unwrap_or(1_000);
        self.store
            .read_stream(stream, Some(Version(from)), limit, Direction::Forward)
            .await?
            .ok_or_else(|| StateError::NoStream(stream.clone()))
    }

    async fn step(
        &self,
        stream: &StreamName,
        version: Option<Version>,
    ) -> Result<Step, StateError> {
        let last = match self.store.stream(stream).await? {
            Some(summary) => summary.last_version,
            None => return Err(StateError::NoStream(stream.clone())),
        };
        let version = version.unwrap_or(last);
        if version > last {
            return Err(StateError::NoVersion {
                stream: stream.clone(),
                version,
                last,
            });
        }
        let (mut from, mut state) = self.nearest(stream, version.0);
        loop {
            let page = self.page(stream, from).await?;
            for event in page.events {
                if event.version == version {
                    let before = state.clone();
                    state.merge(&event.data, version);
                    return Ok(Step {
                        before,
                        after: state,
                        event,
                        last,
                    });
                }
                state.merge(&event.data, event.version);
                from = event.version.0 + 1;
                if from % PAGE == 0 {
                    self.keep(stream, event.version.0, &state);
                }
            }
            if page.next.is_none() {
                return Err(StoreError::Broken(format!(
                    "stream {stream} has no event of version {version}"
                ))
                .into());
            }
        }
    }

    /// The kept state nearest before a version, and the version that it goes on with.
    fn nearest(&self, stream: &StreamName, version: i64) -> (i64, State) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = kept
            .states
            .get(stream)
            .and_then(|states| states.range(..version).next_back());
        nearest.map_or_else(
            || (0, State::default()),
            |(version, state)| (version + 1, state.clone()),
        )
    }

    fn keep(&self, stream: &StreamName, version: i64, state: &State) {
        let bytes = state.json().get().len();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > KEPT_BYTES / 4 {
            return;
        }
        if kept.bytes + bytes > KEPT_BYTES {
            *kept = Kept::default();
        }
        let states = kept.states.entry(stream.clone()).or_default();
        if states.insert(version, state.clone()).is_none() {
            kept.bytes += bytes;
        }
    }
}
