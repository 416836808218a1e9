//! A second person: what they agree to is begun once, and how it ended is kept.

use reqwest::StatusCode;
use serde_json::json;

use crate::approvals_place::{Place, log_in};
use crate::refused::is_refused;

#[tokio::test]
async fn of_two_who_agree_at_once_at_two_servers_one_does_it() {
    let place = Place::new().await;
    let other = place.server.approving_beside().await;
    let root = log_in(&other, "root").await;
    for _ in 0..5 {
        let id = place.asked().await;
        let path = format!("/api/approvals/{id}/approve");
        let (one, another) = tokio::join!(
            place.grace.send(&place.server, "POST", &path, json!({})),
            root.send(&other, "POST", &path, json!({})),
        );
        let mut statuses = [one.0, another.0];
        statuses.sort_unstable();
        let expected = [StatusCode::OK, StatusCode::CONFLICT];
        assert_eq!(statuses, expected, "{} {}", one.1, another.1);
        assert!(!place.is_there().await);
        place.has_mailer().await;
    }
    assert_eq!(place.actions("remove").await.len(), 5);
}

#[tokio::test]
async fn what_the_order_is_refused_with_is_kept() {
    let place = Place::new().await;
    let id = place.asked().await;
    place
        .in_sql("delete from highwater.subscriptions where name = 'mailer'")
        .await;
    let (status, done) = place.decide(&place.grace, id, "approve").await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let seen = place.one(&place.ada, id).await;
    assert_eq!(
        (&seen["state"], &seen["status"]),
        (&json!("failed"), &json!(404))
    );
    assert!(seen["said"].as_str().unwrap().contains("mailer"), "{seen}");
}

#[tokio::test]
async fn what_a_server_died_with_is_not_done_again_and_its_outcome_is_unknown() {
    let place = Place::new().await;
    let id = place.asked().await;
    place
        .in_sql(
            "update highwater.approvals set state = 'carrying_out', decided_by = 'grace', decided_at = clock_timestamp() - interval '1 hour'",
        )
        .await;
    assert_eq!(place.one(&place.ada, id).await["state"], "unknown");
    let again = place.decide(&place.grace, id, "approve").await;
    is_refused(again, 409, "refused", &["unknown"]);
    assert!(place.is_there().await);
}
