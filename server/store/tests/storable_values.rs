//! What the database could not store is refused by a sentence; what is just short of it is stored.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::ExpectedVersion;
use highwater_model::filter::{Filter, Time};
use highwater_store::{LimitError, LogQuery, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use serde_json::value::RawValue;
use support::{append, event, fresh};

#[tokio::test]
async fn a_number_has_as_many_digits_as_the_database_keeps() {
    let fresh = fresh().await;
    for (number, is_stored) in [
        (format!("0.{}e-5000", "7".repeat(4_990)), true),
        (format!("0.{}e-9000", "7".repeat(9_000)), false),
        ("1e10000".to_owned(), true),
        ("1e-10000".to_owned(), true),
        ("1e10001".to_owned(), false),
        (format!("{}e-9990", "7".repeat(9_990)), true),
    ] {
        let mut event = event("Measured", &json!(null));
        event.data = RawValue::from_string(number.clone()).unwrap();
        let appends = vec![append("number-1", ExpectedVersion::Any, vec![event])];
        match fresh.store.append(appends).await {
            Ok(_) => assert!(is_stored, "{number}"),
            Err(StoreError::Limit(LimitError::NotStorable { .. })) => {
                assert!(!is_stored, "{number}");
            }
            Err(error) => panic!("{number}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_moment_is_one_that_the_database_knows() {
    let fresh = fresh().await;
    let second = SignedDuration::from_secs(1);
    for (at, is_stored) in [
        (Time::EARLIEST, true),
        (Time::EARLIEST.checked_sub(second).unwrap(), false),
        (Timestamp::MIN, false),
        (Timestamp::MAX, true),
    ] {
        let mut event = event("Found", &json!({"at": at.to_string()}));
        event.occurred_at = Some(at);
        let appends = vec![append("moment-1", ExpectedVersion::Any, vec![event])];
        match fresh.store.append(appends).await {
            Ok(_) => assert!(is_stored, "{at}"),
            Err(StoreError::Limit(LimitError::NotStorable { .. })) => assert!(!is_stored, "{at}"),
            Err(error) => panic!("{at}: {error}"),
        }
    }
    for (line, count) in [
        ("since:4294967295w", 2),
        ("since:-009999-01-03", 2),
        ("until:4294967295w", 0),
        ("-until:-009999-01-03T00:00", 2),
    ] {
        let query = LogQuery {
            filter: Filter::parse(line).unwrap(),
            ..LogQuery::default()
        };
        let page = fresh.store.read_log(query).await;
        let page = page.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(page.events.len(), count, "{line}");
    }
}
