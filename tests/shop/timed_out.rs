//! Services that are not there: orders don't wait for them for ever, even if the process manager is killed meanwhile.

use std::time::{Duration, Instant};

use crate::log;
use crate::program::{Process, Server};
use crate::services::{SERVICES, get, placed, rest, start};
use crate::support::database;

/// Starts all services but one, and has some orders placed.
async fn shop_without(missing: &str, server: &Server) -> Vec<Process> {
    let patience = ["--patience", "4"];
    let mut running: Vec<Process> = SERVICES
        .iter()
        .filter(|name| **name != missing && **name != "fulfilment")
        .map(|name| start(server, name, &[]))
        .collect();
    let mut fulfilment = start(server, "fulfilment", &patience);
    let order = ["--rate", "20", "--orders", "5", "--seed", "3"];
    running.push(start(server, "customers", &order));
    placed(server, 5).await;
    // It asks, and is killed before the time is over.
    tokio::time::sleep(Duration::from_millis(700)).await;
    fulfilment.kill();
    running.push(start(server, "fulfilment", &patience));
    running
}

async fn count(server: &Server, event_type: &str) -> usize {
    let path = format!("/api/events?limit=100&filter=type:{event_type}");
    let found = get(server, &path).await;
    found["events"].as_array().unwrap().len()
}

async fn wait_for(server: &Server, event_type: &str, times: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while count(server, event_type).await < times {
        assert!(Instant::now() < deadline, "{event_type}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_cancelled_without_payments_and_payments_find_them_so_later() {
    let server = Server::start(&database::create().await).await;
    let _running = shop_without("payments", &server).await;
    wait_for(&server, "OrderCancelled", 5).await;
    assert_eq!(count(&server, "PaymentRequested").await, 0);
    let _payments = start(&server, "payments", &[]);
    rest(&server, &SERVICES).await;
    let orders = log::orders(&log::export(&server).await);
    assert_eq!(orders.len(), 5);
    for order in orders.values() {
        assert_eq!(order.reason.as_deref(), Some("payment timed out"));
        assert_eq!(
            order.times("PaymentRefused") + order.times("PaymentRefunded"),
            1,
            "{order:#?}"
        );
        assert_eq!(order.times("PaymentCaptured"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_leave_in_time_is_paid_back_and_its_goods_released() {
    let server = Server::start(&database::create().await).await;
    let _running = shop_without("shipping", &server).await;
    wait_for(&server, "ShipmentToBeStopped", 1).await;
    let _shipping = start(&server, "shipping", &[]);
    rest(&server, &SERVICES).await;
    let orders = log::orders(&log::export(&server).await);
    assert_eq!(orders.len(), 5);
    let stopped = orders
        .values()
        .filter(|order| order.times("ShipmentStopped") == 1);
    let stopped: Vec<_> = stopped.collect();
    assert!(!stopped.is_empty(), "{orders:#?}");
    for order in stopped {
        assert_eq!(order.reason.as_deref(), Some("shipment timed out"));
        // Not before it was known that the parcel is still here.
        assert!(
            order.has_in_order("ShipmentStopped", "PaymentRefunded"),
            "{order:#?}"
        );
        assert!(
            order.has_in_order("ShipmentStopped", "StockReleased"),
            "{order:#?}"
        );
    }
}
