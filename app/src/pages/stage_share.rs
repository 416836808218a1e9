//! Links that show the Stage to somebody without a login.

use highwater_model::{NewShareBody, Share};
use leptos::prelude::*;

use super::access::origin;
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use super::stage::Film;
use crate::api::Api;
use crate::components::Time;
use crate::components::command::Command;

/// Hours that are offered, and the words.
const HOURS: [(i64, &str); 4] = [
    (1, "an hour"),
    (24, "a day"),
    (168, "a week"),
    (720, "30 days"),
];

/// What the part shows.
#[derive(Debug, Clone, Copy)]
struct Shared {
    /// Links that work; read when the part is opened.
    all: RwSignal<Vec<Share>>,
    /// One that was just made, and until when it works: it is shown once.
    made: RwSignal<Option<(String, Share)>>,
    orders: Orders,
}

impl Shared {
    async fn read_again(self) {
        match Api::from_context().shares().await {
            Ok(fresh) => {
                let _ = self.all.try_set(fresh);
            }
            Err(error) => {
                let _ = self
                    .orders
                    .said
                    .try_set(Some(Said::failed(error.to_string())));
            }
        }
    }

    fn make(self, body: NewShareBody) {
        self.made.set(None);
        self.orders.give(async move {
            let made = Api::from_context().make_share(&body).await?;
            let _ = self.made.try_set(Some((made.path, made.share)));
            self.read_again().await;
            Ok(Said::done("The link is made."))
        });
    }

    fn end(self, id: i64) {
        self.orders.give(async move {
            let done = Api::from_context().end_share(id).await;
            self.read_again().await;
            done.map(|()| Said::done("The link no longer works."))
        });
    }
}

/// Makes links, and ends them.
#[component]
pub fn ShareStage(
    /// The recording that is on; what happens now, where there is none.
    film: Option<Film>,
) -> impl IntoView {
    let shared = Shared {
        all: RwSignal::new(Vec::new()),
        made: RwSignal::new(None),
        orders: Orders::new(),
    };
    let hours = RwSignal::new(24_i64);
    let what = if film.is_some() {
        "They see this recording and nothing outside of its time: what happened, but not of whom, and nothing of what events hold."
    } else {
        "They see what happens: its types, services and numbers, but not of whom, and nothing of what events hold."
    };
    let range = film.map(|film| (film.since, film.until));
    let make = move |_| {
        shared.make(NewShareBody {
            since: range.map(|range| range.0),
            until: range.map(|range| range.1),
            hours: hours.get_untracked(),
        });
    };
    let opened = move |_| leptos::task::spawn_local(shared.read_again());
    let options: Vec<AnyView> = HOURS
        .into_iter()
        .map(|(number, words)| {
            view! { <option value=number.to_string() selected=number == 24>{words}</option> }
                .into_any()
        })
        .collect();
    let choose = move |event| {
        if let Ok(chosen) = event_target_value(&event).parse() {
            hours.set(chosen);
        }
    };
    view! {
        <details class="share" on:toggle=opened>
            <summary class="button quiet">"Share"</summary>
            <div class="card">
                <p>{what}</p>
                <div class="bar">
                    <label class="slide">"Works for" <select on:change=choose>{options}</select></label>
                    <button type="button" class="go" on:click=make>
                        "Make a link"
                    </button>
                </div>
                <SaidLine said=shared.orders.said />
                {move || shared.made.get().map(|(path, share)| once(&path, &share))}
                <ul>
                    <For each=move || shared.all.get() key=|share| (share.id, share.seen_at) children=move |share| line(&share, shared) />
                </ul>
            </div>
        </details>
    }
    .into_any()
}

/// The link that was just made.
fn once(path: &str, share: &Share) -> AnyView {
    let url = format!("{}{path}", origin());
    view! {
        <div role="status">
            <p>"It is shown only now. It works until " <Time at=share.expires_at /> "."</p>
            <Command text=url />
        </div>
    }
    .into_any()
}

/// A link that works.
fn line(share: &Share, shared: Shared) -> AnyView {
    let id = share.id;
    let what = if share.since.is_some() {
        "a recording"
    } else {
        "what happens now"
    };
    let seen = match share.seen_at {
        Some(at) => view! { ", seen " <Time at /> }.into_any(),
        None => ", not seen yet".into_any(),
    };
    view! {
        <li>
            <span>
                {format!("{what}, by {}", share.created_by)} {seen} ", until " <Time at=share.expires_at />
            </span>
            <button type="button" class="quiet" aria-label=format!("End link {id}") on:click=move |_| shared.end(id)>
                "End"
            </button>
        </li>
    }
    .into_any()
}
