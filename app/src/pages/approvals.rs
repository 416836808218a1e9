//! `/approvals`: which orders wait for a second person, and what became of the others?

use highwater_model::{Approval, ApprovalState, CarriedOut, Job};
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::access::origin;
use super::approvals_open::Waiting;
use super::approvals_over::Over;
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::{Answer, Api};
use crate::components::command::Command;
use crate::components::problem::ErrorNotice;
use crate::live::on_pulse;

/// What waits is looked up this often.
const APART_MS: f64 = 2_000.0;

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    list: Vec<Approval>,
    /// Orders wait for a second person here.
    on: bool,
}

async fn read(api: &Api) -> Answer<Found> {
    Ok(Found {
        list: api.approvals().await?,
        on: api.who_am_i().await?.approvals,
    })
}

/// What somebody decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is carried out, with what is said to it.
    Approve(String),
    /// It is not.
    Decline(String),
    /// It is not, as whoever asked no longer wants it.
    Withdraw,
}

/// What the parts of the page show.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    pub(super) list: RwSignal<Vec<Approval>>,
    pub(super) orders: Orders,
    /// A link that an order was answered with, which is told once.
    link: RwSignal<Option<String>>,
}

impl Shown {
    async fn read_again(self, api: &Api) {
        if let Ok(fresh) = api.approvals().await {
            // Who has a button in focus keeps it while nothing changes.
            let same = self.list.try_with_untracked(|before| *before == fresh);
            if same == Some(false) {
                let _ = self.list.try_set(fresh);
            }
        }
    }

    /// Decides on one of them, and says what came of it.
    pub(super) fn decide(self, id: i64, decision: Decision) {
        self.link.set(None);
        self.orders.give(async move {
            let api = Api::from_context();
            let came = match decision {
                Decision::Approve(comment) => api.approve(id, comment).await.map(|done| {
                    let _ = self.link.try_set(link(&done));
                    carried_out(&done)
                }),
                Decision::Decline(comment) => api
                    .decline(id, comment)
                    .await
                    .map(|_| Said::done("Declined: it is not carried out.")),
                Decision::Withdraw => api
                    .withdraw(id)
                    .await
                    .map(|()| Said::done("Withdrawn: it is not carried out.")),
            };
            // A refusal may say that somebody else was faster.
            self.read_again(&api).await;
            came
        });
    }
}

/// What came of an order that was approved.
fn carried_out(done: &CarriedOut) -> Said {
    let said = done.approval.said.clone().unwrap_or_default();
    match done.approval.state {
        ApprovalState::Failed => {
            return Said::failed(format!(
                "Approved, but refused, so nothing was changed: {said}"
            ));
        }
        ApprovalState::Done => {}
        _ => {
            return Said::failed(format!(
                "Approved; how it ended is not known, so look before you ask again. {said}"
            ));
        }
    }
    let job = done.answer.clone().map(serde_json::from_value::<Job>);
    match job {
        Some(Ok(job)) => Said::done(format!("Approved: job {} has begun.", job.id)),
        _ => Said::done("Approved, and done."),
    }
}

/// The link that a user who is invited again needs: nobody else is told it.
fn link(done: &CarriedOut) -> Option<String> {
    let path = done.answer.as_ref()?.get("path")?.as_str()?;
    path.starts_with("/join?").then(|| path.to_owned())
}

/// The page.
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    let found = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { read(&api).await }
        },
    );
    view! {
        <Title text="Approvals" />
        <h1>"Approvals"</h1>
        <p class="dim">
            "Who asked, who agreed, and what came of it stays " <a href="/audit">"on record"</a> "."
        </p>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <Parts found /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What was found, and from there on what changes.
#[component]
fn Parts(
    /// Read when the page was rendered.
    found: Found,
) -> impl IntoView {
    let shown = Shown {
        list: RwSignal::new(found.list),
        orders: Orders::new(),
        link: RwSignal::new(None),
    };
    on_pulse(APART_MS, move || {
        Box::pin(async move {
            shown.read_again(&Api::from_context()).await;
        })
    });
    let off = (!found.on).then(|| {
        view! {
            <p class="notice">
                "Orders need no second person here. A server of production that is started with " <code>"--approval"</code>
                " keeps them until another user has agreed."
            </p>
        }
    });
    let invited = move || {
        let path = shown.link.get()?;
        Some(view! {
            <div class="notice done">
                <p>"Send them this link, at which they choose a password. It is shown only now."</p>
                <Command text=format!("{}{path}", origin()) />
            </div>
        })
    };
    view! {
        {off}
        <SaidLine said=shown.orders.said />
        <div role="status" class="once">
            {invited}
        </div>
        <Waiting shown />
        <Over list=shown.list />
    }
    .into_any()
}
