//! The form of a rule: what it would have fired at is seen before it is kept.

use highwater_model::{AlertCondition, AlertKind, AlertOf, AlertPreview, AlertRuleBody, Right};
use leptos::prelude::*;

use super::alerts::Shown;
use super::alerts_form_fields::Typed;
use super::alerts_form_parts::{NameField, QuantityField, Tick};
use super::alerts_preview::{Preview, summary};
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::may::Needs;

/// Kinds, as a person looks for them.
const KINDS: [(AlertKind, &str); 5] = [
    (AlertKind::LagSeconds, "is too far behind"),
    (
        AlertKind::Faulted,
        "stands on a failed event, or has parked events",
    ),
    (AlertKind::Stalled, "has events to handle and does not move"),
    (AlertKind::MarkAge, "the mark is held for too long"),
    (AlertKind::Check, "a check of the store is wrong"),
];
const OF: [(AlertOf, &str); 2] = [
    (AlertOf::ReadModel, "read models"),
    (AlertOf::Subscription, "subscriptions"),
];

/// The form.
#[component]
pub fn RuleForm(
    /// The page.
    shown: Shown,
) -> impl IntoView {
    let typed = shown.typed;
    let orders = Orders::new();
    let previewed = RwSignal::new(None::<(AlertCondition, AlertPreview)>);
    let rule = Memo::new(move |_| typed.body());
    let condition = Memo::new(move |_| typed.condition());
    // What is typed is what was looked at.
    let seen = Memo::new(move |_| {
        let now = condition.get();
        previewed.with(|seen| matches!((seen, &now), (Some((of, _)), Ok(now)) if of == now))
    });
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        match (condition.get_untracked(), rule.get_untracked()) {
            (Ok(condition), Ok(rule)) if !seen.get_untracked() => {
                look(orders, previewed, condition, rule);
            }
            (Ok(_), Ok(rule)) => keep(shown, orders, rule),
            (Err(words), _) | (_, Err(words)) => orders.said.set(Some(Said::failed(words))),
        }
    };
    let button = move || {
        if seen.get() {
            "Keep the rule"
        } else {
            "Preview"
        }
    };
    view! {
        <section id="write">
            <h2>"Write a rule"</h2>
            <form class="reason access-form alert-form" on:submit=submit>
                <Needs right=Right::Define>
                    <What typed />
                    <Whom typed />
                    <button type="submit" class="go" aria-disabled=move || orders.busy.get().then_some("true")>
                        {button}
                    </button>
                </Needs>
            </form>
            <SaidLine said=orders.said />
            <Preview previewed seen />
        </section>
    }
    .into_any()
}

/// Looks what it would have fired at.
fn look(
    orders: Orders,
    previewed: RwSignal<Option<(AlertCondition, AlertPreview)>>,
    condition: AlertCondition,
    rule: AlertRuleBody,
) {
    orders.give(async move {
        let found = Api::from_context().preview_alert_rule(&rule).await?;
        let said = Said::done(summary(&found));
        let _ = previewed.try_set(Some((condition, found)));
        Ok(said)
    });
}

fn keep(shown: Shown, orders: Orders, rule: AlertRuleBody) {
    let name = match shown.typed.named() {
        Ok(name) => name,
        Err(words) => return orders.said.set(Some(Said::failed(words))),
    };
    orders.give(async move {
        let api = Api::from_context();
        let kept = api.put_alert_rule(&name, &rule).await;
        shown.read_again(&api).await;
        let kept = kept?;
        let _ = shown.typed.secret.try_set(String::new());
        let _ = shown.typed.signed.try_set(kept.signed);
        let _ = shown.typed.bare.try_set(false);
        Ok(Said::done(format!(
            "The rule {} is kept: it fires when {}.",
            kept.name,
            kept.condition()
        )))
    });
}

/// What is looked at.
#[component]
fn What(
    /// What is typed.
    typed: Typed,
) -> impl IntoView {
    let kinds: Vec<AnyView> = KINDS
        .into_iter()
        .map(|(kind, words)| {
            let is = move || typed.kind.get() == kind;
            view! { <option value=kind.as_str() prop:selected=is>{words}</option> }.into_any()
        })
        .collect();
    let of: Vec<AnyView> = OF
        .into_iter()
        .map(|(of, words)| {
            let is = move || typed.of.get() == of;
            view! { <option value=of.as_str() prop:selected=is>{words}</option> }.into_any()
        })
        .collect();
    let choose_kind = move |event| {
        let value = event_target_value(&event);
        if let Some((kind, _)) = KINDS.iter().find(|(kind, _)| kind.as_str() == value) {
            typed.kind.set(*kind);
        }
    };
    let choose_of = move |event| {
        let value = event_target_value(&event);
        if let Some((of, _)) = OF.iter().find(|(of, _)| of.as_str() == value) {
            typed.of.set(*of);
        }
    };
    let is_named = move || typed.kind.get().is_of(AlertOf::ReadModel);
    let name = move || {
        if typed.kind.get() == AlertKind::Check {
            "Check, by its word on the page of the store; * for all"
        } else {
            "Their names; * stands for any characters"
        }
    };
    let limit = Signal::derive(move || typed.kind.get().has_seconds());
    let hold = Signal::derive(move || typed.kind.get().has_for());
    view! {
        <NameField typed />
        <label class="wide">
            "Fires when it"
            <select on:change=choose_kind>{kinds}</select>
        </label>
        <label class:hidden=move || !is_named()>
            "Of"
            <select on:change=choose_of>{of}</select>
        </label>
        <label class:hidden=move || typed.kind.get() == AlertKind::MarkAge>
            {name}
            <input
                type="text"
                class="mono"
                maxlength="100"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                prop:value=move || typed.pattern.get()
                on:input=move |event| typed.pattern.set(event_target_value(&event))
            />
        </label>
        <QuantityField label="More than" quantity=typed.seconds shown=limit />
        <QuantityField label="For at least; 0 for at once" quantity=typed.hold shown=hold />
    }
    .into_any()
}

/// Who is told.
#[component]
fn Whom(
    /// What is typed.
    typed: Typed,
) -> impl IntoView {
    let secret = move || {
        if typed.signed.get() {
            "Secret; empty keeps the one that it has"
        } else {
            "Secret by which messages are signed"
        }
    };
    view! {
        <label class="wide">
            "Webhook that is told; empty for nobody"
            <input
                type="url"
                class="mono"
                autocomplete="off"
                spellcheck="false"
                maxlength="2000"
                placeholder="https://hooks.example/alerts"
                prop:value=move || typed.webhook.get()
                on:input=move |event| typed.webhook.set(event_target_value(&event))
            />
        </label>
        <label>
            {secret}
            <input
                type="password"
                autocomplete="new-password"
                maxlength="200"
                prop:value=move || typed.secret.get()
                on:input=move |event| typed.secret.set(event_target_value(&event))
            />
        </label>
        <Tick label="On" on=typed.enabled shown=Signal::stored(true) />
        <Tick label="Take its secret away" on=typed.bare shown=typed.signed.into() />
    }
    .into_any()
}
