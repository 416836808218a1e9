//! Filter lines that would let somebody guess what they may not see.

use super::rules::Hidden;
use super::{HIDDEN_TEXT, MASKED, Mask};
use crate::Role;
use crate::filter::{Filter, Glob, Literal, Subject, Term, Value};

/// A term of a filter line that asks for what is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenTerm {
    /// The field of the rule: `data.customer.email`.
    pub field: String,
    /// The least role that sees it.
    pub visible_to: Role,
    /// The term looks for a text anywhere in the event, so also there.
    pub anywhere: bool,
}

impl Mask {
    /// The first term that asks for what is hidden of events that the filter lets through.
    pub fn hides_from(&self, filter: &Filter) -> Option<HiddenTerm> {
        first(filter, |hidden| concerns(hidden, filter), &self.0)
    }

    /// The same of a condition on a state, which holds what events of any type have said.
    pub fn hides_from_states(&self, condition: &Filter) -> Option<HiddenTerm> {
        first(condition, |_| true, &self.0)
    }

    /// Whether events that a filter lets through may hold something that is hidden.
    pub fn concerns_filter(&self, filter: &Filter) -> bool {
        self.0.iter().any(|hidden| concerns(hidden, filter))
    }

    /// A filter line of somebody else as it is seen: with what fields are called, without what is hidden there.
    pub fn line(&self, line: &str) -> String {
        let Ok(filter) = Filter::parse(line) else {
            return HIDDEN_TEXT.to_owned();
        };
        if self.hides_from(&filter).is_none() {
            return line.to_owned();
        }
        let terms = filter.terms().iter().map(|term| {
            let mut rules = self.0.iter().filter(|hidden| concerns(hidden, &filter));
            if rules.any(|hidden| asks(term, hidden)) {
                masked(term).to_string()
            } else {
                term.to_string()
            }
        });
        terms.collect::<Vec<_>>().join(" ")
    }
}

fn first(
    filter: &Filter,
    counts: impl Fn(&Hidden) -> bool,
    rules: &[Hidden],
) -> Option<HiddenTerm> {
    let found = |term: &Term| {
        let mut rules = rules.iter().filter(|hidden| counts(hidden));
        let hidden = rules.find(|hidden| asks(term, hidden))?;
        Some(HiddenTerm {
            field: hidden.path.to_string(),
            visible_to: hidden.visible_to,
            anywhere: matches!(term.subject, Subject::Text(_)),
        })
    };
    filter.terms().iter().find_map(found)
}

/// Whether the filter lets through events that a rule is about; each of its lists of types names some of them then.
fn concerns(hidden: &Hidden, filter: &Filter) -> bool {
    filter.terms().iter().all(|term| match &term.subject {
        Subject::Type(globs) if !term.negated => hidden.types.meet(globs),
        _ => true,
    })
}

fn asks(term: &Term, hidden: &Hidden) -> bool {
    match &term.subject {
        Subject::Field { root, path, .. } => hidden.path.meets(*root, path),
        Subject::Text(_) => true,
        _ => false,
    }
}

fn masked(term: &Term) -> Term {
    let mut seen = term.clone();
    match &mut seen.subject {
        Subject::Field { values, .. } => {
            *values = vec![Value {
                glob: Glob::starred(MASKED),
                literal: Literal::Text,
            }];
        }
        subject => *subject = Subject::Text(MASKED.to_owned()),
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::mask;
    use super::*;

    fn hidden(mask: &Mask, line: &str) -> Option<String> {
        let found = mask.hides_from(&Filter::parse(line).unwrap());
        found.map(|found| found.field)
    }

    #[test]
    fn who_may_not_see_a_field_may_not_search_for_it() {
        let mask = mask(&[
            ("Customer*", "data.customer.email"),
            ("Customer*", "metadata.ip"),
        ]);
        for line in [
            "data.customer.email:a*",
            "-data.customer.email:a*",
            "type:CustomerMoved data.customer.email>a",
            "type:*Moved data.customer:x",
            "data.customer.email.domain:x",
            "since:1h ada",
            "\"ada@example.com\"",
            "type:CustomerMoved -ada",
            "-type:Customer* data.customer.email:x",
        ] {
            assert_eq!(
                hidden(&mask, line).as_deref(),
                Some("data.customer.email"),
                "{line}"
            );
        }
        assert_eq!(
            hidden(&mask, "metadata.ip:10.*").as_deref(),
            Some("metadata.ip")
        );
        for line in [
            "",
            "type:CustomerMoved stream:customer-*",
            "data.customer.name:x",
            "metadata.correlation_id:x",
            "type:OrderPlaced data.customer.email:x",
            "type:OrderPlaced,PaymentTaken \"late delivery\"",
            "type:* type:OrderPlaced ada",
        ] {
            assert_eq!(hidden(&mask, line), None, "{line}");
        }
        let condition = Filter::parse("type:OrderPlaced data.customer.email:x").unwrap();
        assert!(mask.hides_from_states(&condition).is_some());
        assert!(mask.concerns_filter(&Filter::default()));
        assert!(!mask.concerns_filter(&Filter::parse("type:Order*").unwrap()));
    }

    #[test]
    fn a_line_of_somebody_else_shows_what_it_is_about_and_not_of_whom() {
        let mask = mask(&[("Customer*", "data.email")]);
        for (line, seen) in [
            (
                "type:CustomerMoved -data.email:ada@x,eve@x data.n>3",
                "type:CustomerMoved -data.email:••• data.n>3",
            ),
            ("ada since:1h", "\"•••\" since:1h"),
            ("type:OrderPlaced  ada", "type:OrderPlaced  ada"),
            ("type:", HIDDEN_TEXT),
        ] {
            assert_eq!(mask.line(line), seen);
        }
    }
}
