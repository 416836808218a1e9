//! server/demo
