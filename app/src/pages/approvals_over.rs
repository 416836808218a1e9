//! Orders that no longer wait, and what became of them.

use highwater_model::Approval;
use leptos::prelude::*;

use super::approvals_open::asked_by;
use crate::components::Time;

/// The section.
#[component]
pub fn Over(
    /// All of the page.
    list: RwSignal<Vec<Approval>>,
) -> impl IntoView {
    let over = Memo::new(move |_| {
        list.with(|list| {
            let over = list.iter().filter(|one| one.state.is_over());
            over.cloned().collect::<Vec<Approval>>()
        })
    });
    let none = Memo::new(move |_| over.with(Vec::is_empty));
    view! {
        <section id="over">
            <h2>"Over"</h2>
            <p class="dim" class:hidden=move || !none.get()>
                "None yet."
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Orders that are over, newest first">
                <table>
                    <thead>
                        <tr>
                            <th>"asked"</th>
                            <th>"by"</th>
                            <th>"what"</th>
                            <th>"why"</th>
                            <th>"became"</th>
                            <th>"by"</th>
                            <th>"said"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || over.get() key=|one| (one.id, one.state.as_str()) children=row />
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(one: Approval) -> AnyView {
    let (words, by) = (one.words(), asked_by(&one));
    // Why it was refused, and what was said to it.
    let said: Vec<String> = [one.said, one.comment].into_iter().flatten().collect();
    view! {
        <tr>
            <td class="mono dim">
                <Time at=one.asked_at />
            </td>
            <td class="wrap">{by}</td>
            <td class="wrap">{words}</td>
            <td class="wrap">{one.reason}</td>
            <td>
                <b>{one.state.words()}</b>
            </td>
            <td>{one.decided_by}</td>
            <td class="wrap">{said.join(" · ")}</td>
        </tr>
    }
    .into_any()
}
