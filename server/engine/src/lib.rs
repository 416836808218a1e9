//! server/engine
