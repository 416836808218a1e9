//! Services are killed at random for a minute while orders come, and started again.

use std::time::{Duration, Instant};

use highwater_store::Ids;

use crate::log;
use crate::program::{Process, Server};
use crate::services::{SERVICES, placed, rest, start};
use crate::support::database;

const ORDERS: usize = 300;
/// Orders a second: customers are at it for most of the time.
const RATE: &str = "6";
/// So long they are killed.
const LASTS: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_lost_or_done_twice_when_services_are_killed_for_a_minute() {
    let began = Instant::now();
    let server = Server::start(&database::create().await).await;
    let mut running: Vec<(&str, Process)> = SERVICES
        .iter()
        .map(|name| (*name, start(&server, name, &[])))
        .collect();
    let wanted = ORDERS.to_string();
    let order = ["--rate", RATE, "--orders", wanted.as_str()];
    let mut customers = start(&server, "customers", &order);
    placed(&server, 3).await;
    let mut kills = 0;
    let from = Instant::now();
    while from.elapsed() < LASTS {
        // Each once, in any order, and again.
        let mut turns: Vec<usize> = (0..SERVICES.len()).collect();
        turns.sort_by_cached_key(|_| Ids.random());
        for turn in turns {
            let (name, process) = &mut running[turn];
            process.kill();
            kills += 1;
            tokio::time::sleep(Duration::from_millis(150)).await;
            *process = start(&server, name, &[]);
            tokio::time::sleep(Duration::from_millis(350)).await;
        }
    }
    // Customers, too: the next process goes on where this one was.
    customers.kill();
    let _customers = start(&server, "customers", &order);
    placed(&server, ORDERS).await;
    rest(&server, &SERVICES).await;

    let log = log::export(&server).await;
    let orders = log::orders(&log);
    assert_eq!(orders.len(), ORDERS);
    let completed = orders
        .values()
        .filter(|order| order.times("OrderCompleted") == 1);
    let completed = completed.count();
    assert!(completed > ORDERS / 2, "{completed} completed: {orders:#?}");
    eprintln!(
        "{kills} kills; {ORDERS} orders, {completed} completed, {} events in {:?}",
        log.len(),
        began.elapsed()
    );
}
