//! What a server looks after.

use serde::{Deserialize, Serialize};

/// The header by which an order is confirmed where the server is production: the name of what it acts on, percent-encoded.
pub const CONFIRM_HEADER: &str = "Highwater-Confirm";
/// It stands beside the brand, also on a phone.
const NAME_CHARS: usize = 30;
/// What production is called unless it has a name.
const PRODUCTION: &str = "production";

/// What a server looks after, as its operators call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Environment {
    /// What it is called: `staging`.
    pub name: String,
    /// It is production: orders that change what readers see, or can lose something, are confirmed by a typed name.
    pub production: bool,
}

/// Why an environment can't be called that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of an environment has 1 to {NAME_CHARS} letters, digits, spaces and . _ -, no space at its ends, like staging or shop eu"
)]
pub struct EnvironmentNameError;

impl Environment {
    /// The environment of this name; production needs none. None: nothing was said of it.
    ///
    /// # Errors
    /// When it can't be called that.
    pub fn named(
        name: Option<&str>,
        production: bool,
    ) -> Result<Option<Self>, EnvironmentNameError> {
        let Some(name) = name.or(production.then_some(PRODUCTION)) else {
            return Ok(None);
        };
        let fits = (1..=NAME_CHARS).contains(&name.chars().count())
            && name.trim() == name
            && name
                .chars()
                .all(|letter| letter.is_alphanumeric() || " ._-".contains(letter));
        if !fits {
            return Err(EnvironmentNameError);
        }
        let name = name.to_owned();
        Ok(Some(Self { name, production }))
    }

    /// As the console shows it: that it is production stands there in words.
    pub fn words(&self) -> String {
        if self.production && self.name != PRODUCTION {
            format!("{PRODUCTION} · {}", self.name)
        } else {
            self.name.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        let longest = "x".repeat(30);
        for name in ["staging", "shop eu", "größe.1_a-b", "7", longest.as_str()] {
            let environment = Environment::named(Some(name), false).unwrap().unwrap();
            assert_eq!(environment.words(), name);
        }
        let longer = "x".repeat(31);
        for name in ["", " ", " a", "a ", "a/b", "a\tb", "<b>", longer.as_str()] {
            let refused = Environment::named(Some(name), true);
            assert_eq!(refused, Err(EnvironmentNameError), "{name:?}");
        }
    }

    #[test]
    fn production_is_called_so_unless_it_has_a_name() {
        let words = |name| {
            let environment = Environment::named(name, true).unwrap().unwrap();
            assert!(environment.production);
            environment.words()
        };
        assert_eq!(words(None), "production");
        assert_eq!(words(Some("production")), "production");
        assert_eq!(words(Some("shop eu")), "production · shop eu");
        assert_eq!(Environment::named(None, false), Ok(None));
    }
}
