//! The filter line: which events.

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct Filter;
