//! What the process manager decides.

use serde_json::json;

use super::super::aggregate::tests::decided;
use super::*;

const NOTHING: [&str; 0] = [];

fn started() -> Fulfilment {
    let mut order = Fulfilment::default();
    let start = FulfilmentCommand::Start {
        order: "order-1".to_owned(),
        facts: json!({
            "city": "Gent", "total_cents": 500, "currency": "EUR",
            "items": [{"sku": "mug-07", "quantity": 2}, {"sku": "pen-04", "quantity": 1}],
        }),
    };
    assert_eq!(
        decided(&mut order, &start),
        ["FulfilmentStarted", "PaymentAsked"]
    );
    assert_eq!(decided(&mut order, &start), NOTHING);
    order
}

fn hear(order: &mut Fulfilment, answer: &str) -> Vec<&'static str> {
    let (answer, sku) = answer.split_once(' ').unwrap_or((answer, ""));
    let (answer, sku) = (answer.to_owned(), sku.to_owned());
    let note = FulfilmentCommand::Note { answer, sku };
    let drafts = decided(order, &note);
    assert_eq!(decided(order, &note), NOTHING, "it was heard already");
    drafts
}

fn shipment_asked() -> Fulfilment {
    let mut order = started();
    assert_eq!(
        hear(&mut order, "PaymentAuthorized"),
        ["AnswerNoted", "GoodsAsked"]
    );
    assert_eq!(hear(&mut order, "StockReserved pen-04"), ["AnswerNoted"]);
    assert_eq!(
        hear(&mut order, "StockReserved mug-07"),
        ["AnswerNoted", "ConfirmationAsked"]
    );
    assert_eq!(
        hear(&mut order, "OrderConfirmed"),
        ["AnswerNoted", "ShipmentAsked"]
    );
    order
}

fn late(order: &mut Fulfilment, step: Step) -> Vec<&'static str> {
    decided(order, &FulfilmentCommand::TimeOut(step))
}

#[test]
fn an_order_goes_the_whole_way_whichever_comes_first_of_money_and_parcel() {
    for last in [
        ["PaymentCaptured", "ShipmentDelivered"],
        ["ShipmentDelivered", "PaymentCaptured"],
    ] {
        let mut order = shipment_asked();
        assert_eq!(
            hear(&mut order, "ShipmentDispatched"),
            ["AnswerNoted", "CaptureAsked"]
        );
        assert_eq!(hear(&mut order, last[0]), ["AnswerNoted"]);
        assert_eq!(
            hear(&mut order, last[1]),
            ["AnswerNoted", "FulfilmentEnded"]
        );
        assert_eq!(late(&mut order, Step::Delivery), NOTHING);
    }
}

#[test]
fn a_refused_payment_ends_it_and_nothing_is_given_back() {
    let mut order = started();
    let drafts = order.decide(&FulfilmentCommand::Note {
        answer: "PaymentRefused".to_owned(),
        sku: String::new(),
    });
    assert_eq!(
        drafts.unwrap().pop().unwrap().data,
        json!({"order": "order-1", "outcome": "cancelled", "reason": "payment refused"})
    );
    let told = ["AnswerNoted", "CancellationBegun", "FulfilmentEnded"];
    assert_eq!(hear(&mut order, "PaymentRefused"), told);
}

#[test]
fn out_of_stock_gives_back_money_and_goods_before_it_ends() {
    let mut order = started();
    hear(&mut order, "PaymentAuthorized");
    hear(&mut order, "StockReserved mug-07");
    assert_eq!(
        hear(&mut order, "StockDepleted pen-04"),
        [
            "AnswerNoted",
            "CancellationBegun",
            "RefundAsked",
            "GoodsToBeReturned"
        ]
    );
    assert_eq!(late(&mut order, Step::Goods), NOTHING);
    assert_eq!(
        hear(&mut order, "PaymentRefunded"),
        ["AnswerNoted", "FulfilmentEnded"]
    );
}

#[test]
fn a_payment_that_does_not_come_is_not_waited_for() {
    let mut order = started();
    assert_eq!(
        late(&mut order, Step::Goods),
        NOTHING,
        "it does not wait for goods yet"
    );
    let told = ["CancellationBegun", "RefundAsked", "FulfilmentEnded"];
    assert_eq!(late(&mut order, Step::Payment), told);
    assert_eq!(hear(&mut order, "PaymentAuthorized"), NOTHING);
}

#[test]
fn goods_that_do_not_come_are_given_back_when_they_do() {
    let mut order = started();
    hear(&mut order, "PaymentAuthorized");
    let told = ["CancellationBegun", "RefundAsked", "GoodsToBeReturned"];
    assert_eq!(late(&mut order, Step::Goods), told);
    assert_eq!(hear(&mut order, "StockReserved mug-07"), ["AnswerNoted"]);
    assert_eq!(
        hear(&mut order, "PaymentRefunded"),
        ["AnswerNoted", "FulfilmentEnded"]
    );
}

#[test]
fn a_parcel_that_does_not_leave_is_stopped_first_and_given_back_then() {
    let mut order = shipment_asked();
    let told = ["CancellationBegun", "ShipmentToBeStopped"];
    assert_eq!(late(&mut order, Step::Shipment), told);
    assert_eq!(late(&mut order, Step::Shipment), NOTHING);
    let told = ["AnswerNoted", "RefundAsked", "GoodsToBeReturned"];
    assert_eq!(hear(&mut order, "ShipmentStopped"), told);
    assert_eq!(
        hear(&mut order, "PaymentRefunded"),
        ["AnswerNoted", "FulfilmentEnded"]
    );
}

#[test]
fn a_parcel_that_left_before_it_was_stopped_goes_on() {
    let mut order = shipment_asked();
    late(&mut order, Step::Shipment);
    assert_eq!(
        hear(&mut order, "ShipmentDispatched"),
        ["AnswerNoted", "CaptureAsked"]
    );
    hear(&mut order, "PaymentCaptured");
    assert_eq!(
        hear(&mut order, "ShipmentDelivered"),
        ["AnswerNoted", "FulfilmentEnded"]
    );
}

#[test]
fn a_lost_parcel_is_paid_back_and_its_goods_are_gone() {
    let mut order = shipment_asked();
    hear(&mut order, "ShipmentDispatched");
    hear(&mut order, "PaymentCaptured");
    let told = ["CancellationBegun", "RefundAsked"];
    assert_eq!(late(&mut order, Step::Delivery), told);
    assert_eq!(
        hear(&mut order, "PaymentRefunded"),
        ["AnswerNoted", "FulfilmentEnded"]
    );
}

#[test]
fn answers_to_an_order_that_nobody_placed_are_refused() {
    let note = FulfilmentCommand::Note {
        answer: "PaymentAuthorized".to_owned(),
        sku: String::new(),
    };
    assert!(Fulfilment::default().decide(&note).is_err());
}

#[test]
fn a_customer_may_want_it_no_more_until_the_parcel_has_left() {
    let asked = "OrderCancellationRequested";
    let mut early = started();
    assert_eq!(
        hear(&mut early, asked),
        [
            "AnswerNoted",
            "CancellationBegun",
            "RefundAsked",
            "FulfilmentEnded"
        ]
    );

    let mut in_time = shipment_asked();
    assert_eq!(
        hear(&mut in_time, asked),
        ["AnswerNoted", "CancellationBegun", "ShipmentToBeStopped"]
    );
    assert_eq!(
        hear(&mut in_time, "ShipmentStopped"),
        ["AnswerNoted", "RefundAsked", "GoodsToBeReturned"]
    );
    assert_eq!(
        hear(&mut in_time, "PaymentRefunded"),
        ["AnswerNoted", "FulfilmentEnded"]
    );

    let mut late = shipment_asked();
    hear(&mut late, "ShipmentDispatched");
    assert_eq!(hear(&mut late, asked), ["AnswerNoted"]);
    hear(&mut late, "PaymentCaptured");
    assert_eq!(
        hear(&mut late, "ShipmentDelivered"),
        ["AnswerNoted", "FulfilmentEnded"]
    );
}
