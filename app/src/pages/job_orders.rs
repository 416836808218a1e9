//! What can be ordered of a job that runs: its speed, its end. On its own page, and in the rebuild of its read model.

use highwater_model::{Job, JobKind, Right};
use leptos::prelude::*;

use super::read_model_orders::Said;
use crate::api::{Answer, Api};
use crate::components::may::Needs;
use crate::format;

/// Speeds to choose from, in events a second.
const SPEEDS: [i32; 3] = [10_000, 1_000, 100];

/// Sets the speed, and cancels.
#[component]
pub fn JobOrders(
    /// The job.
    #[prop(into)]
    job: Signal<Option<Job>>,
    /// An order is on its way.
    #[prop(into)]
    busy: Signal<bool>,
    /// Takes an order: it is run, and says what came of it.
    #[prop(into)]
    give: Callback<Order>,
) -> impl IntoView {
    let own = RwSignal::new(String::new());
    let limit = Memo::new(move |_| job.with(|job| job.as_ref().and_then(|job| job.speed_limit)));
    let order = move |what: What| {
        if let (Some(id), false) = (
            job.with_untracked(|job| job.as_ref().map(|job| job.id)),
            busy.get_untracked(),
        ) {
            give.run(Order { id, what });
        }
    };
    let speed = move |speed: Option<i32>| {
        let name = speed.map_or_else(
            || "unlimited".to_owned(),
            |speed| format::number(i64::from(speed)),
        );
        view! {
            <button
                type="button"
                aria-pressed=move || if limit.get() == speed { "true" } else { "false" }
                aria-disabled=move || busy.get().then_some("true")
                on:click=move |_| order(What::Speed(speed))
            >
                {name}
            </button>
        }
        .into_any()
    };
    let choices: Vec<AnyView> = std::iter::once(None)
        .chain(SPEEDS.map(Some))
        .map(speed)
        .collect();
    let own_speed = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if let Ok(speed) = own.get_untracked().trim().parse::<i32>() {
            order(What::Speed(Some(speed)));
        }
    };
    let leaves = move || {
        job.with(|job| match job.as_ref().map(|job| job.kind) {
            Some(JobKind::GoBack) => "Cancelling leaves the live version as it is.",
            _ => "Cancelling leaves nothing behind: the shadow and its rows go, the live rows are as they were, a changed definition waits again.",
        })
    };
    view! {
        <div class="bar dial">
            <span class="dim" id="speed-of-the-job">
                "events / s at most"
            </span>
            <Needs right=Right::Operate>
                <div class="choices" role="group" aria-labelledby="speed-of-the-job">
                    {choices}
                </div>
                <form class="own" on:submit=own_speed>
                    <input
                        type="number"
                        inputmode="numeric"
                        min="1"
                        max="2147483647"
                        required
                        aria-label="Another speed, in events a second"
                        placeholder="own"
                        prop:value=move || own.get()
                        on:input=move |event| own.set(event_target_value(&event))
                    />
                    <button type="submit" class="quiet" aria-disabled=move || busy.get().then_some("true")>
                        "Set"
                    </button>
                </form>
            </Needs>
        </div>
        <div class="bar">
            <Needs right=Right::Operate>
                <button
                    type="button"
                    aria-disabled=move || busy.get().then_some("true")
                    on:click=move |_| order(What::Cancel)
                >
                    "Cancel the job"
                </button>
            </Needs>
            <span class="dim">{leaves}</span>
        </div>
    }
    .into_any()
}

/// An order to one job.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// The job.
    pub id: i64,
    /// What is ordered.
    pub what: What,
}

/// What is ordered of a job.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// At most so many events a second; none: as fast as it goes.
    Speed(Option<i32>),
    /// Its end.
    Cancel,
}

impl Order {
    /// Gives it, and judges by the job that the server answers.
    pub async fn give(self) -> Answer<Said> {
        let api = Api::from_context();
        match self.what {
            What::Speed(limit) => {
                let job = api.set_speed(self.id, limit).await?;
                Ok(if job.speed_limit != limit {
                    Said::failed("The server took the speed, but the job has another one.")
                } else if let Some(limit) = limit {
                    Said::done(format!(
                        "It handles {} events a second at most.",
                        format::number(i64::from(limit))
                    ))
                } else {
                    Said::done("It goes as fast as it can.")
                })
            }
            What::Cancel => {
                let job = api.cancel(self.id).await?;
                let outcome = job.outcome.unwrap_or_default();
                Ok(if job.state.is_over() {
                    Said::done(format!("Job {}: {outcome}.", self.id))
                } else {
                    Said::failed(format!(
                        "The server took the order, but job {} is still {}.",
                        self.id,
                        job.state.as_str()
                    ))
                })
            }
        }
    }
}
