//! server/postgres
