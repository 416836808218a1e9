//! Which events a definition handles, as patterns of the database.

use highwater_model::filter::Glob;

/// A pattern for LIKE.
pub(super) fn like(glob: &Glob) -> String {
    let parts: Vec<String> = glob
        .parts
        .iter()
        .map(|part| {
            part.replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_")
        })
        .collect();
    parts.join("%")
}
