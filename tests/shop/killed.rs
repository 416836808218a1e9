//! Each service is killed while orders are on their way, and started again.

use std::time::{Duration, Instant};

use highwater_store::Ids;

use crate::log;
use crate::program::{Process, Server};
use crate::services::{SERVICES, placed, rest, start};
use crate::support::database;

const ORDERS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_lost_or_done_twice_when_each_service_is_killed() {
    let began = Instant::now();
    let server = Server::start(&database::create().await).await;
    let mut running: Vec<(&str, Process)> = SERVICES
        .iter()
        .map(|name| (*name, start(&server, name, &[])))
        .collect();
    let wanted = ORDERS.to_string();
    let order = ["--rate", "10", "--orders", wanted.as_str()];
    let mut customers = start(&server, "customers", &order);
    placed(&server, 3).await;
    // Each twice, in any order.
    let mut turns: Vec<usize> = (0..SERVICES.len()).chain(0..SERVICES.len()).collect();
    turns.sort_by_cached_key(|_| Ids.random());
    for turn in turns {
        let (name, process) = &mut running[turn];
        process.kill();
        tokio::time::sleep(Duration::from_millis(150)).await;
        *process = start(&server, name, &[]);
        tokio::time::sleep(Duration::from_millis(250)).await;
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
        "{ORDERS} orders, {completed} completed, {} events in {:?}",
        log.len(),
        began.elapsed()
    );
}
