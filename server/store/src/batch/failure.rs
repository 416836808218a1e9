//! Why a batch was not recorded, as the error tells it.

use crate::error;

/// The connection broke: whether the batch was recorded is not known.
pub(crate) fn is_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        error => error::is_absence(error),
    }
}

/// Class 22 (data), 23 (constraints), 54 (too large for the database).
pub(crate) fn is_data(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| {
        ["22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}

/// A key refused: an id is in the log, or a head that was taken as known is not true any more.
pub(crate) fn is_key(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
