//! JSON values by path.
