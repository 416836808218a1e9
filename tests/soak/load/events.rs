//! The events: of orders, ten to a stream, about 250 bytes of JSON each.

use std::fmt::Write as _;

use highwater_store::Ids;

/// After so many events a writer begins a new stream.
pub(super) const STREAM_EVENTS: u32 = 10;

const TYPES: [&str; 5] = [
    "OrderPlaced",
    "PaymentTaken",
    "StockReserved",
    "ParcelPacked",
    "ParcelSent",
];
const GOODS: [&str; 4] = ["Desk lamp", "Enamel mug", "Folding chair", "Field notebook"];
const CITIES: [&str; 5] = ["Lisbon", "Porto", "Turin", "Ghent", "Malmö"];

/// What the event with this number of a writer is worth.
pub(super) fn cents(number: usize) -> i64 {
    950 + i64::try_from(number * 37 % 9_000).unwrap_or(0)
}

/// Writes one as an append takes it. `at` is when it is sent: a reader tells from it how long it took. A writer and a number make it
/// one that can be found again.
pub(super) fn write(body: &mut String, writer: u32, number: usize, version: u32, at: u64) {
    let kind = TYPES[version as usize % TYPES.len()];
    // Writing to a string can't fail.
    let _ = write!(
        body,
        r#"{{"type":"{kind}","id":"{}","data":{{"at":{at},"w":{writer},"n":{number},"cents":{},"customer":"customer-{}","city":"{}","good":"{}","pieces":{},"note":"left at the door of number {}"}}}}"#,
        Ids.event_id(),
        cents(number),
        number % 997,
        CITIES[number % CITIES.len()],
        GOODS[number % GOODS.len()],
        1 + number % 4,
        number % 120,
    );
}
