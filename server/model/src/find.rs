//! What ⌘K finds: things of the store by a part of their name, by id or by position.

use serde::{Deserialize, Serialize};

/// What was found for a text, the best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindAnswer {
    /// The things.
    pub found: Vec<Found>,
    /// False: there are more streams than are looked through for a text in the middle of a name; those that begin with it, or whose id
    /// does, are found among all.
    pub looked_at_all: bool,
}

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// What it is called: a name, an event's or a flow's id.
    pub name: String,
    /// What else tells it apart, for people.
    pub detail: String,
}

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// An event, by id, the beginning of its id, or position.
    Event,
    /// A flow, by its correlation id or the beginning of it.
    Flow,
    /// A read model.
    ReadModel,
    /// An event type.
    Type,
    /// A category.
    Category,
    /// A stream.
    Stream,
}

/// How well a name fits a text, less is better: it is the text, begins with it, has a word that does, has it somewhere; none: not at all.
/// Upper and lower case are the same.
pub fn fit(name: &str, text: &str) -> Option<u8> {
    let (name, text) = (name.to_lowercase(), text.to_lowercase());
    let at = name.find(&text)?;
    if name == text {
        return Some(0);
    }
    if at == 0 {
        return Some(1);
    }
    let begins_word = name
        .match_indices(&text)
        .any(|(at, _)| name[..at].ends_with(|before: char| !before.is_alphanumeric()));
    Some(if begins_word { 2 } else { 3 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_the_better_the_earlier_the_text_stands_in_it() {
        assert_eq!(fit("Order", "order"), Some(0));
        assert_eq!(fit("OrderPlaced", "order"), Some(1));
        assert_eq!(fit("late_orders", "order"), Some(2));
        assert_eq!(fit("reorder-order", "order"), Some(2));
        assert_eq!(fit("reorders", "order"), Some(3));
        assert_eq!(fit("payment", "order"), None);
        assert_eq!(fit("Überfällig", "über"), Some(1));
    }
}
