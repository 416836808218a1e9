//! Subscriptions that wait for somebody, for the verdict of the overview.

use highwater_model::Subscription;

use crate::api::escape;
use crate::components::read_model_state::counted;
use crate::components::subscription_state::Standing;

/// Words, and the page that explains them.
type Said = (String, String);

/// Those whose members failed at events too often.
pub(super) fn with_parked_events(subscriptions: &[Subscription]) -> Option<Said> {
    said(
        subscriptions,
        |one| one.parked > 0,
        ["has parked events", "have parked events"],
    )
}

/// Those that have events for members, and no member.
pub(super) fn read_by_nobody(subscriptions: &[Subscription]) -> Option<Said> {
    said(
        subscriptions,
        |one| Standing::of(one) == Standing::Unread,
        ["is read by nobody", "are read by nobody"],
    )
}

fn said(
    subscriptions: &[Subscription],
    is: impl Fn(&Subscription) -> bool,
    [one, many]: [&str; 2],
) -> Option<Said> {
    let those: Vec<&Subscription> = subscriptions.iter().filter(|one| is(one)).collect();
    let (href, words) = match those[..] {
        [] => return None,
        [only] => (format!("/subscriptions/{}", escape(&only.name)), one),
        _ => ("/read-models#subscriptions".to_owned(), many),
    };
    let count = i64::try_from(those.len()).unwrap_or(i64::MAX);
    let named = counted(count, "subscription", "subscriptions");
    Some((format!("{named} {words}"), href))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::subscription_state::example;

    #[test]
    fn a_subscription_that_waits_for_somebody_is_said() {
        let mut parked = example("mailer");
        parked.parked = 2;
        let mut unread = example("relay");
        unread.lag.matching = 3;
        let said = |words: &str, href: &str| (words.to_owned(), href.to_owned());
        let all = [parked.clone(), unread, example("quiet")];
        assert_eq!(
            with_parked_events(&all),
            Some(said(
                "1 subscription has parked events",
                "/subscriptions/mailer"
            ))
        );
        assert_eq!(
            read_by_nobody(&all),
            Some(said(
                "1 subscription is read by nobody",
                "/subscriptions/relay"
            ))
        );
        assert_eq!(
            with_parked_events(&[parked.clone(), parked]),
            Some(said(
                "2 subscriptions have parked events",
                "/read-models#subscriptions"
            ))
        );
        assert_eq!(with_parked_events(&[example("quiet")]), None);
    }
}
