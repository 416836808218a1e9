//! A second person who goes away before they are answered: what they have agreed to happens all the same, once; what did not get through
//! waits for the next.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::approvals_place::Place;
use crate::refused::is_refused;

/// How long what is to come may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What Grace sends along.
const BODY: &str = r#"{"comment": "seen"}"#;
/// Moments at which she goes, and what lies between them: from before it is known who she is to about when she would be answered.
const MOMENTS: (u32, Duration) = (20, Duration::from_millis(2));

/// Grace approves, on a connection that the test can end. So much of the body is sent.
async fn approving(place: &Place, id: i64, bytes: usize) -> TcpStream {
    let (address, cookie) = (&place.server.address, place.grace.cookie());
    let head = format!(
        "POST /api/approvals/{id}/approve HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncookie: {cookie}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    let request = head + &BODY[..bytes];
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// She goes away, and the server has let go of her: what she still heard.
async fn gone(mut stream: TcpStream) -> String {
    stream.shutdown().await.unwrap();
    let mut heard = String::new();
    let ended = timeout(PATIENCE, stream.read_to_string(&mut heard)).await;
    ended.unwrap().unwrap();
    heard
}

/// Somebody who holds a row that the server needs.
struct Holder(PgConnection);

impl Holder {
    async fn of(place: &Place, begin: &'static str) -> Self {
        let url = &place.server.database_url;
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute(begin).await.unwrap();
        Self(connection)
    }

    async fn until_the_server_waits(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let waits: bool = sqlx::query_scalar(
                "select exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))",
            )
            .fetch_one(&mut self.0)
            .await
            .unwrap();
            if waits {
                return;
            }
            assert!(Instant::now() < deadline, "nobody waits");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn lets_go(mut self) {
        self.0.execute("rollback").await.unwrap();
    }
}

async fn until_done(place: &Place, id: i64) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let one = place.one(&place.ada, id).await;
        if one["state"] == "done" {
            return one;
        }
        assert!(Instant::now() < deadline, "{one}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_was_agreed_to_is_carried_out_when_the_approver_has_gone() {
    let place = Place::new().await;
    for (begin, meanwhile) in [
        // Before it is noted that she agrees.
        (
            "begin; select 1 from highwater.approvals where state = 'open' for update",
            "open",
        ),
        // While the order is carried out. Held as orders hold it: what refers to it, as samples of it do, does not wait.
        (
            "begin; select 1 from highwater.subscriptions where name = 'mailer' for no key update",
            "carrying_out",
        ),
    ] {
        let id = place.asked().await;
        let mut holder = Holder::of(&place, begin).await;
        let stream = approving(&place, id, BODY.len()).await;
        holder.until_the_server_waits().await;
        assert_eq!(gone(stream).await, "");
        assert_eq!(place.one(&place.ada, id).await["state"], meanwhile);
        assert!(place.is_there().await);
        holder.lets_go().await;

        let done = until_done(&place, id).await;
        assert_eq!(
            (&done["decided_by"], &done["comment"], &done["status"]),
            (&json!("grace"), &json!("seen"), &json!(204))
        );
        assert!(!place.is_there().await);
        let removed = &place.actions("remove").await[0];
        assert_eq!(removed["actor"], "ada");
        assert_eq!(removed["after"]["approved_by"], "grace");
        assert_eq!(removed["after"]["approval"], id);
        let again = place.decide(&place.root, id, "approve").await;
        is_refused(again, 409, "refused", &["done", "grace"]);
        place.has_mailer().await;
    }
    assert_eq!(place.actions("approve").await.len(), 2);
    assert_eq!(place.actions("remove").await.len(), 2);
}

#[tokio::test]
async fn an_approval_that_did_not_arrive_whole_leaves_the_order_to_others() {
    let place = Place::new().await;
    let id = place.asked().await;
    let stream = approving(&place, id, BODY.len() / 2).await;
    let heard = gone(stream).await;
    assert!(!heard.starts_with("HTTP/1.1 200"), "{heard}");
    assert_eq!(place.one(&place.ada, id).await["state"], "open");
    assert!(place.actions("approve").await.is_empty());
    let (status, done) = place.decide(&place.root, id, "approve").await;
    assert_eq!(
        (status, &done["approval"]["state"]),
        (StatusCode::OK, &json!("done"))
    );
    assert!(!place.is_there().await);
    assert_eq!(place.actions("remove").await.len(), 1);
}

#[tokio::test]
async fn at_whatever_moment_an_approver_goes_the_order_is_carried_out_once() {
    let place = Place::new().await;
    let (moments, every) = MOMENTS;
    for moment in 0..moments {
        let id = place.asked().await;
        let stream = approving(&place, id, BODY.len()).await;
        // No fact is waited for: what counts is that it breaks off anywhere.
        sleep(every * moment).await;
        drop(stream);
        // Whoever comes next finds that it waits, or that Grace was in time.
        let (status, said) = place.decide(&place.root, id, "approve").await;
        let by = match status {
            StatusCode::OK => "root",
            StatusCode::CONFLICT => "grace",
            other => panic!("{other} {said}"),
        };
        let done = until_done(&place, id).await;
        assert_eq!(done["decided_by"], by, "{moment}: {done}");
        assert!(!place.is_there().await);
        let removed = &place.actions("remove").await[0];
        assert_eq!(removed["after"]["approved_by"], by, "{removed}");
        assert_eq!(removed["after"]["approval"], id, "{removed}");
        place.has_mailer().await;
    }
    for kind in ["approve", "remove"] {
        let actions = u32::try_from(place.actions(kind).await.len());
        assert_eq!(actions, Ok(moments), "{kind}");
    }
}
