//! A row of the log as an event.
