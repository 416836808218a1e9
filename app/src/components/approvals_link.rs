//! The rail's way to the orders that wait for a second person, with how many this one can decide on.

use highwater_model::{Approval, Right};
use leptos::prelude::*;

use crate::api::Api;
use crate::live::on_pulse;
use crate::me::Me;

/// The page of orders that wait for a second person.
pub const APPROVALS: (&str, &str) = ("/approvals", "Approvals");
/// They are looked up this often, while some page is open.
const APART_MS: f64 = 5_000.0;

/// The link, where orders wait for a second person.
#[component]
pub fn ApprovalsLink(
    /// The path of the page that is open.
    here: Memo<String>,
) -> impl IntoView {
    let me = expect_context::<Me>();
    let link = move || {
        Suspend::new(async move {
            let who = me.asked().await.ok()?;
            (who.approvals && who.may(Right::Read)).then(|| view! { <Counted here /> })
        })
    };
    view! { <Suspense fallback=|| ()>{link}</Suspense> }.into_any()
}

#[component]
fn Counted(
    /// The path of the page that is open.
    here: Memo<String>,
) -> impl IntoView {
    let waiting = RwSignal::new(0_usize);
    Effect::new(move || leptos::task::spawn_local(count(waiting)));
    on_pulse(APART_MS, move || Box::pin(count(waiting)));
    let (path, name) = APPROVALS;
    let on = move || here.with(|here| here.starts_with(path)).then_some("page");
    let shown = move || {
        let count = waiting.get();
        (count > 0).then(|| {
            let label = format!("{count} for you to decide");
            view! {
                " "
                <b class="count" title=label>
                    {count}
                </b>
            }
        })
    };
    view! {
        <a href=path aria-current=on>
            {name}
            {shown}
        </a>
    }
    .into_any()
}

async fn count(waiting: RwSignal<usize>) {
    if let Ok(all) = Api::from_context().open_approvals().await {
        let _ = waiting.try_set(theirs(&all));
    }
}

/// How many of them whoever looks can decide on.
fn theirs(all: &[Approval]) -> usize {
    all.iter().filter(|one| one.may_decide).count()
}
