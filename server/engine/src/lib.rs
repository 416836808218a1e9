//! The engine: reads the log as it grows and hands it on.
//!
//! The [`Feed`] is one tail a process, a ring of the newest events that are encoded once, and cursors into it for as many readers as
//! there are. [`ReadModels`] runs projections: slice by slice, each with its checkpoint in one transaction. [`States`] folds what a stream was at a version.
//! [`Subscriptions`] hands events to programs outside. [`alerts`] tells people when something is wrong by a rule of theirs.
//!
//! # Adding a reader of the feed
//! Take a [`FrameGroup`] with [`Feed::group`] (readers with the same filter share its frames), keep a cursor, and ask
//! [`FrameGroup::next`] whenever [`Feed::watch`] says that the head has moved. Never keep a queue of your own: a reader that is slow
//! falls out of the ring and is told so, it never makes anybody wait.

pub mod alerts;
mod feed;
mod frames;
mod rate;
pub mod read_models;
mod ring;
mod states;
mod subscriptions;

pub use feed::{Feed, FeedHealth, FeedOptions};
pub use frames::{Frame, FrameGroup, Next};
pub use read_models::{LinkTrace, ReadModelOptions, ReadModels};
pub use ring::{RingEvent, RingRead};
pub use states::{StateError, States};
pub use subscriptions::Subscriptions;
