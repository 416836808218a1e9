//! Versions as a person names them: by the number in their read model, not by the id that the store gives them.

use std::collections::BTreeMap;

use highwater_model::ReadModel;

/// Numbers of versions by their ids; ids of versions that are gone are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionNumbers(BTreeMap<i64, i32>);

impl VersionNumbers {
    /// Of all versions that these read models have now.
    pub fn of<'a>(models: impl IntoIterator<Item = &'a ReadModel>) -> Self {
        let versions = models.into_iter().flat_map(|model| &model.versions);
        Self(
            versions
                .map(|version| (version.id, version.number))
                .collect(),
        )
    }

    /// `version 2`, or `version id 17` when nobody knows its number any more.
    pub fn name(&self, id: i64) -> String {
        match self.0.get(&id) {
            Some(number) => format!("version {number}"),
            None => format!("version id {id}"),
        }
    }
}

#[cfg(test)]
impl<const N: usize> From<[(i64, i32); N]> for VersionNumbers {
    fn from(known: [(i64, i32); N]) -> Self {
        Self(known.into())
    }
}
