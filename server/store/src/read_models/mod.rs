//! Read models in the database: definitions, slices, failures, lag, leases.
//!
//! # Words
//! | word | file | meaning |
//! |---|---|---|
//! | version | `versions.rs` | a definition of a read model with a role (live, shadow, previous, waiting), and progress of its own |
//! | owner | `owner.rs` | the database role that owns a read model's tables and runs its SQL: it can't log in and has no other right |
//! | set-up | `set_up.rs`, `views.rs` | making a version's schema: the slice's views, its tables, its handler |
//! | slice | `slice.rs`, `slice_events.rs` | the events between two positions, handled in the transaction that moves the checkpoint |
//! | generation | `progress.rs` | goes up with each new runner of a version; a slice of an older one changes nothing |
//! | job | `jobs.rs`, `job_list.rs`, `rebuild.rs`, `part.rs`, `replay.rs`, `promote.rs`, `verify.rs` | a long operation on a read model: one at a time, with progress and an outcome |
//! | swap | `swap.rs` | the transaction in which another version becomes live |
//! | index | `indexes.rs` | what a shadow's tables get after the load, when it is level for the first time |
//! | plan | `plan.rs`, `plan_replay.rs` | what a rebuild or a replay will cost, before it begins |
//! | diff | `diff.rs`, `diff_tables/mod.rs` | what a shadow has that the live one has not, and the other way round |
//! | lease | `lease.rs` | the lock that makes a process the runner of a read model |
//!
//! # Why the handler can't leave its role
//! Its statements are the body of a function that is `security definer` and belongs to the owner: in there the database refuses to
//! change the role, and ending the transaction. The owner may use its own schema and nothing else; it may create there only while
//! the tables are made. What it made is looked at before anything is kept: tables, indexes, sequences and types, nothing that would
//! run in the name of whoever reads them.

pub(crate) mod actions;
mod add_version;
mod check;
mod define;
pub(crate) mod definer;
mod diff;
mod diff_tables;
mod error;
mod failures;
mod filled_tables;
mod handled;
mod indexes;
mod job_counts;
mod job_list;
mod jobs;
mod lag;
mod lag_history;
mod lease;
mod level;
mod orders;
pub(crate) mod owner;
mod part;
mod part_key;
mod part_rows;
mod patterns;
mod plan;
mod plan_replay;
mod progress;
mod promote;
mod rebuild;
mod replay;
mod rows;
mod rows_order;
pub(crate) mod set_up;
mod slice;
mod slice_event;
mod slice_events;
mod slice_traces;
mod swap;
mod trend;
mod verify;
mod versions;
mod views;

pub use actions::{ActionQuery, Approved, Order};
pub use check::{SlicingDifference, SlicingReport};
pub use define::Defined;
pub use error::ReadModelError;
pub use failures::HandlerFault;
pub use indexes::IndexesMade;
pub use job_counts::JobCount;
pub use job_list::JobQuery;
pub use lag::{LagSample, MATCHING_CAP};
pub use lag_history::LagHistoryQuery;
pub use lease::LeaseConnection;
pub use owner::OwnerRights;
pub use progress::SliceSize;
pub use rows::{RowsError, RowsQuery};
pub(crate) use slice::SLICES;
pub use slice::{BegunSlice, Slice, SliceConnection, SliceConnections, SliceError, SliceStart};
pub use slice_event::{Reads, SliceEvent};
pub use slice_events::{EventNames, SliceEvents, SlicePart};
pub use versions::{HandledUpTo, RunnableVersion};

/// What a projection in code writes with, and what its statements may fail with.
pub use sqlx::{Error as SqlError, PgConnection};
