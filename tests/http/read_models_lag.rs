//! The live feed of lag.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::running::Running;
use crate::support::socket;
use crate::totals::{TOTALS, order, put, some_orders};

#[tokio::test]
async fn lag_is_said_at_once_and_when_something_moved() {
    let server = Running::start().await;
    let mut socket = socket::open(&server.address).await.unwrap();
    socket::say(&mut socket, &json!({"subscribe": "lag", "id": 4}))
        .await
        .unwrap();
    assert_eq!(
        socket::hear(&mut socket).await.unwrap().unwrap(),
        json!({"id": 4, "lag": []})
    );
    put(&server, "totals", TOTALS).await;
    let last = some_orders(&server).await;
    let mut said_at: Option<Instant> = None;
    let mut hear = async |is: &dyn Fn(&Value) -> bool| {
        for _ in 0..20 {
            let message = socket::hear(&mut socket).await.unwrap().unwrap();
            let since = said_at
                .replace(Instant::now())
                .map(|said_at| said_at.elapsed());
            assert!(
                since.is_none_or(|since| since > Duration::from_millis(500)),
                "once a second at most"
            );
            if is(&message["lag"][0]) {
                return message;
            }
        }
        panic!("it was never said");
    };
    let caught_up = hear(&|lag| lag["checkpoint"] == last).await;
    assert_eq!(
        (&caught_up["id"], &caught_up["lag"][0]["lag"]["matching"]),
        (&json!(4), &json!(0))
    );
    order(&server, "pause", &json!({"reason": "a look"})).await;
    hear(&|lag| lag["state"] == "paused" && lag["reason"] == "by local: a look").await;
    some_orders(&server).await;
    hear(&|lag| lag["lag"]["matching"] == 8).await;
}
