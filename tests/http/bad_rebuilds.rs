//! What can't be ordered of a rebuild is refused with a sentence, and nothing live changes.

use serde_json::{Value, json};

use crate::rebuild::{rebuild, wrong};
use crate::refused::is_refused;
use crate::running::Running;
use crate::totals::{TOTALS, order, put};

async fn job_is(server: &Running, id: &Value, state: &str) -> Value {
    loop {
        let (status, job) = server.get(&format!("/api/jobs/{id}")).await;
        assert_eq!(status, 200, "{job}");
        if job["state"] == state {
            return job;
        }
        assert_eq!(job["state"], "running", "{job}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn reason() -> Value {
    json!({"reason": "a try"})
}

#[tokio::test]
async fn rebuild_needs_a_plan_of_the_definition_that_waits_and_no_other_job() {
    let (server, _) = wrong().await;
    for body in [json!({}), json!({"reason": "now"})] {
        is_refused(
            order(&server, "rebuild", &body).await,
            422,
            "plan_missing",
            &["POST /api/read-models/totals/plan"],
        );
    }
    let (_, plan) = order(&server, "plan", &json!({})).await;
    let mut other = plan.clone();
    other["read_model"] = json!("sums");
    is_refused(
        order(&server, "rebuild", &json!({"plan": other})).await,
        422,
        "plan_missing",
        &[],
    );
    let changed = TOTALS.replace("Totals per", "Sums per");
    let (status, _) = put(&server, "totals", &changed).await;
    assert_eq!(status, 202);
    is_refused(
        order(&server, "rebuild", &json!({"plan": plan})).await,
        409,
        "plan_stale",
        &["changed", "plan it again"],
    );
    let (_, none) = server.get("/api/jobs").await;
    assert_eq!(none, json!([]), "nothing was begun");

    let job = rebuild(&server).await;
    let (_, plan) = order(&server, "plan", &json!({})).await;
    let warnings = plan["warnings"].to_string();
    assert!(warnings.contains("already"), "{warnings}");
    is_refused(
        order(&server, "rebuild", &json!({"plan": plan})).await,
        409,
        "refused",
        &["totals"],
    );
    job_is(&server, &job["id"], "done").await;
    is_refused(
        order(&server, "rebuild", &json!({"plan": plan})).await,
        409,
        "refused",
        &["has a shadow already", "discard it first"],
    );
}

#[tokio::test]
async fn promotion_needs_a_shadow_a_diff_and_a_reason() {
    let (server, _) = wrong().await;
    for what in ["promote", "go-back"] {
        is_refused(
            order(&server, what, &json!({})).await,
            422,
            "reason_missing",
            &["reason"],
        );
        is_refused(
            order(&server, what, &json!({"reason": " "})).await,
            422,
            "reason_missing",
            &[],
        );
        is_refused(
            order(&server, what, &reason()).await,
            409,
            "refused",
            &["version"],
        );
        is_refused(
            order(&server, what, &json!({"reason": "x", "force": true})).await,
            422,
            "bad_fields",
            &["force"],
        );
        let path = format!("/api/read-models/sums/{what}");
        is_refused(
            server.post(&path, reason().to_string()).await,
            404,
            "not_found",
            &["sums"],
        );
    }
    is_refused(
        server.get("/api/read-models/totals/diff").await,
        409,
        "refused",
        &["no shadow", "rebuild it first"],
    );
    let job = rebuild(&server).await;
    job_is(&server, &job["id"], "done").await;
    is_refused(
        order(&server, "promote", &reason()).await,
        409,
        "diff_missing",
        &["look at the diff first"],
    );
    for (query, status, kind) in [
        ("table=sums", 409, "refused"),
        ("table=totals&cursor=here", 409, "refused"),
        ("table=totals&kind=other", 400, "bad_query"),
        ("table=totals&limit=0", 400, "bad_query"),
        ("kind=added", 400, "bad_query"),
        ("tables=totals", 400, "bad_query"),
    ] {
        let refused = server
            .get(&format!("/api/read-models/totals/diff?{query}"))
            .await;
        is_refused(refused, status, kind, &[]);
    }
    // A page of rows is no look at what a promotion changes.
    server
        .get("/api/read-models/totals/diff?table=totals")
        .await;
    is_refused(
        order(&server, "promote", &reason()).await,
        409,
        "diff_missing",
        &[],
    );
}

#[tokio::test]
async fn only_a_shadow_or_a_previous_version_is_discarded_and_with_a_reason() {
    let (server, _) = wrong().await;
    let job = rebuild(&server).await;
    job_is(&server, &job["id"], "done").await;
    for (body, status, kind) in [
        (json!({"version": "live", "reason": "x"}), 409, "refused"),
        (
            json!({"version": "previous", "reason": "x"}),
            409,
            "refused",
        ),
        (json!({"version": "shadow"}), 422, "reason_missing"),
        (json!({"version": "old", "reason": "x"}), 422, "bad_fields"),
        (json!({"reason": "x"}), 422, "bad_fields"),
    ] {
        is_refused(order(&server, "discard", &body).await, status, kind, &[]);
    }
    let (status, read_model) = order(
        &server,
        "discard",
        &json!({"version": "shadow", "reason": "not needed"}),
    )
    .await;
    assert_eq!(status, 200, "{read_model}");
    let roles: Vec<_> = read_model["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["live", "waiting"], "its definition waits again");
}

#[tokio::test]
async fn job_is_slowed_and_cancelled_and_then_nothing_of_it_is_left() {
    let (server, _) = wrong().await;
    let slow = TOTALS.replace(": slice\n", ": slice\nselect pg_sleep(0.5);\n");
    put(&server, "totals", &slow).await;
    let (_, plan) = order(&server, "plan", &json!({})).await;
    let (status, job) = order(&server, "rebuild", &json!({"plan": plan})).await;
    assert_eq!(
        (status.as_u16(), &job["state"]),
        (202, &json!("running")),
        "{job}"
    );
    let path = format!("/api/jobs/{}", job["id"]);
    let speed = format!("{path}/speed");
    for limit in [0, -5] {
        let body = json!({"limit": limit}).to_string();
        is_refused(
            server.post(&speed, body).await,
            422,
            "bad_speed",
            &["null for no limit"],
        );
    }
    is_refused(
        server.post(&speed, "{}").await,
        422,
        "bad_fields",
        &["limit"],
    );
    let (status, slowed) = server
        .post(&speed, r#"{"limit":1,"reason":"it is noon"}"#)
        .await;
    assert_eq!(
        (status.as_u16(), &slowed["speed_limit"]),
        (200, &json!(1)),
        "{slowed}"
    );

    let (status, cancelled) = server
        .post(&format!("{path}/cancel"), r#"{"reason":"too slow"}"#)
        .await;
    assert_eq!(
        (status.as_u16(), &cancelled["state"]),
        (200, &json!("cancelled")),
        "{cancelled}"
    );
    let (_, read_model) = server.get("/api/read-models/totals").await;
    assert_eq!(read_model["state"], "live");
    let versions = read_model["versions"].as_array().unwrap();
    let roles: Vec<_> = versions.iter().map(|version| &version["role"]).collect();
    assert_eq!(roles, ["live", "waiting"], "the definition waits again");
    is_refused(
        server.get("/api/read-models/totals/diff").await,
        409,
        "refused",
        &["no shadow"],
    );
    is_refused(
        server.post(&format!("{path}/cancel"), "").await,
        409,
        "refused",
        &["cancelled"],
    );
    is_refused(
        server.post(&speed, r#"{"limit":5}"#).await,
        409,
        "refused",
        &["cancelled"],
    );
    let (_, actions) = server.get("/api/actions?read_model=totals&limit=4").await;
    let told: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| (&action["action"], &action["reason"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("cancel"), &json!("too slow")),
            (&json!("rebuild"), &json!(null)),
            (&json!("speed"), &json!("it is noon")),
            (&json!("rebuild"), &json!(null)),
        ]
    );
}

#[tokio::test]
async fn job_that_is_not_there_is_not_found() {
    let server = Running::start().await;
    is_refused(
        server.get("/api/jobs/77").await,
        404,
        "not_found",
        &["no job 77"],
    );
    is_refused(
        server.post("/api/jobs/77/cancel", "").await,
        404,
        "not_found",
        &[],
    );
    is_refused(
        server.post("/api/jobs/77/speed", r#"{"limit":1}"#).await,
        404,
        "not_found",
        &[],
    );
    is_refused(
        server.get("/api/jobs?state=asleep").await,
        400,
        "bad_query",
        &["asleep"],
    );
    is_refused(
        server.get("/api/jobs/first").await,
        400,
        "bad_path",
        &["first"],
    );
}
