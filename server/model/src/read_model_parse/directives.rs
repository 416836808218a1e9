//! Reads a directive, and what stands behind it.

use super::{Reader, Section};
use crate::PartKey;
use crate::filter::Glob;
use crate::read_model_definition::{DefinitionError, FailurePolicy, HandlerKind, Key};
use crate::read_model_sql::{Directive, Token, directive};

const DIRECTIVES: [&str; 9] = [
    "events",
    "describe",
    "key",
    "replay-safe",
    "ignore",
    "policy",
    "tables",
    "slice",
    "each",
];

impl Reader<'_> {
    pub(super) fn directive(&mut self, token: Token) -> Result<(), DefinitionError> {
        let Directive {
            word,
            at,
            value,
            value_at,
        } = directive(self.text, token);
        let Some(&directive) = DIRECTIVES.iter().find(|&&known| known == word) else {
            let message = if word.is_empty() {
                "a directive is missing here".to_owned()
            } else {
                format!("there is no directive {word:?}")
            };
            return Err(self.wrong(at, message).expecting(&DIRECTIVES));
        };
        let handler = matches!(directive, "slice" | "each");
        if self.seen.contains(&directive)
            || (handler
                && self
                    .seen
                    .iter()
                    .any(|&seen| matches!(seen, "slice" | "each")))
        {
            return Err(self.wrong(
                at,
                if handler {
                    "a read model has one handler: either slice or each, once".to_owned()
                } else {
                    format!("{directive} stands twice")
                },
            ));
        }
        self.seen.push(directive);
        self.value(directive, value, value_at)
    }

    fn value(&mut self, directive: &str, value: &str, at: usize) -> Result<(), DefinitionError> {
        match directive {
            "events" => self.definition.events = self.globs(value, at)?,
            "describe" => {
                self.definition.describe = Some(value.to_owned()).filter(|text| !text.is_empty());
            }
            "key" | "replay-safe" if self.section != Section::Header => {
                return Err(self.wrong(
                    at,
                    format!(
                        "{directive} stands before the tables: it is said of the whole read model"
                    ),
                ));
            }
            "key" => {
                let part = PartKey::ALL.into_iter().find(|key| key.as_str() == value);
                let part = part.ok_or_else(|| {
                    let what = "each row of a read model belongs to one of these, or the definition has no key";
                    self.wrong(at, what).expecting(&["stream", "category"])
                })?;
                self.definition.key = Some(Key { part, at });
            }
            "policy" => {
                self.definition.policy = [
                    FailurePolicy::Stop,
                    FailurePolicy::Retry,
                    FailurePolicy::Skip,
                ]
                .into_iter()
                .find(|policy| policy.as_str() == value)
                .ok_or_else(|| {
                    self.wrong(
                        at,
                        format!("{value:?} is not a policy for events that fail"),
                    )
                    .expecting(&["stop", "retry", "skip"])
                })?;
            }
            "ignore" => self.definition.ignored_columns = self.columns(value, at)?,
            _ if !value.is_empty() => {
                return Err(self
                    .wrong(at, format!("nothing stands behind {directive}"))
                    .expecting(&["the end of the line", "-- a remark"]));
            }
            "replay-safe" => self.definition.replay_safe = true,
            "tables" if self.section == Section::Handler => {
                return Err(self.wrong(at, "the tables stand before the handler"));
            }
            "tables" => self.section = Section::Tables,
            _ => {
                self.section = Section::Handler;
                if directive == "each" {
                    self.definition.handler = HandlerKind::Each;
                }
            }
        }
        Ok(())
    }

    /// `OrderPlaced, Order*`
    fn globs(&self, value: &str, at: usize) -> Result<Vec<Glob>, DefinitionError> {
        value
            .split(',')
            .map(|name| {
                let name = name.trim();
                if name.is_empty() || name.len() > 255 {
                    return Err(self
                        .wrong(
                            at,
                            "each event type has 1 to 255 bytes, with commas between them",
                        )
                        .expecting(&["OrderPlaced, OrderCancelled", "Order*", "*"]));
                }
                Ok(Glob::starred(name))
            })
            .collect()
    }

    /// `columns a, totals.b`
    fn columns(&self, value: &str, at: usize) -> Result<Vec<String>, DefinitionError> {
        let wrong = || {
            self.wrong(
                at,
                "columns that a comparison leaves out are named like this",
            )
            .expecting(&["columns updated_at, totals.id"])
        };
        let names = value.strip_prefix("columns ").ok_or_else(wrong)?;
        names
            .split(',')
            .map(|name| {
                let name = name.trim();
                let plain = |part: &str| {
                    !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_')
                };
                if name.split('.').count() <= 2 && name.split('.').all(plain) {
                    Ok(name.to_owned())
                } else {
                    Err(wrong())
                }
            })
            .collect()
    }
}
