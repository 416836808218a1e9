//! Masked fields: which of events not everybody sees, and from which role on they are seen.

use highwater_model::{MaskRule, MaskRuleBody, MaskRuleFound, Masking, Role};
use leptos::prelude::*;

use super::access_cleared::Cleared;
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::Time;
use crate::components::ask_first::AskFirst;

/// Types that a row names.
const NAMED: usize = 3;

/// What the section shows.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    pub(super) masking: RwSignal<Masking>,
    /// The rule that is about to be removed.
    leaving: RwSignal<Option<MaskRule>>,
    pub(super) orders: Orders,
}

impl Shown {
    pub(super) async fn read_again(self, api: &Api) {
        if let Ok(fresh) = api.masking().await {
            let _ = self.masking.try_set(fresh);
        }
    }

    fn remove(self, rule: MaskRule) {
        self.orders.give(async move {
            let api = Api::from_context();
            let done = api.unmask(rule.id).await;
            // A refusal may say that somebody else was faster.
            self.read_again(&api).await;
            let words = format!("The rule for {} is removed.", rule.path);
            done.map(|()| Said::done(words))
        });
    }
}

/// The section.
#[component]
pub fn MaskingSection(
    /// Read when the page was rendered.
    masking: Masking,
) -> impl IntoView {
    let shown = Shown {
        masking: RwSignal::new(masking),
        leaving: RwSignal::new(None),
        orders: Orders::new(),
    };
    let none = Memo::new(move |_| shown.masking.with(|masking| masking.rules.is_empty()));
    view! {
        <section id="masking">
            <h2>"Masked fields"</h2>
            <p class="dim">
                "Who may not see a field finds ••• in its place, wherever events and states are shown, and may not search for it. Rows, and errors that may quote it, "
                "of read models that handle such events are not shown to them, unless the read model is cleared below. Members of subscriptions are given events whole."
            </p>
            <SaidLine said=shown.orders.said />
            {move || shown.leaving.get().map(|rule| view! { <Leaving shown rule /> })}
            <p class="dim" class:hidden=move || !none.get()>
                "None: whoever reads, reads all of each event."
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Masked fields">
                <table class="access">
                    <thead>
                        <tr>
                            <th>"field"</th>
                            <th>"of types"</th>
                            <th>"which are"</th>
                            <th>"seen from"</th>
                            <th>"why"</th>
                            <th>"made"</th>
                            <th>"what to do"</th>
                        </tr>
                    </thead>
                    <tbody>
                        // Rows that stay keep their buttons, and so the focus.
                        <For
                            each=move || shown.masking.with(|masking| masking.rules.clone())
                            key=|found| (found.rule.id, found.matches.len())
                            children=move |found| row(found, shown)
                        />
                    </tbody>
                </table>
            </div>
            <Make shown />
            <Cleared shown />
        </section>
    }
    .into_any()
}

fn row(found: MaskRuleFound, shown: Shown) -> AnyView {
    let MaskRuleFound { rule, matches } = found;
    let leaving = rule.clone();
    let label = format!("Remove…: {} of {}", rule.path, rule.types);
    view! {
        <tr>
            <td class="mono">
                <b>{rule.path}</b>
            </td>
            <td class="mono wrap">{rule.types}</td>
            <td class="wrap dim">{told(&matches)}</td>
            <td>{rule.visible_to.as_str()}</td>
            <td class="wrap">{rule.reason}</td>
            <td class="mono dim">
                {rule.created_by} " " <Time at=rule.created_at />
            </td>
            <td>
                <button
                    type="button"
                    class="quiet"
                    aria-label=label
                    on:click=move |_| shown.leaving.set(Some(leaving.clone()))
                >
                    "Remove…"
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// `CustomerJoined, CustomerMoved`
fn told(matches: &[String]) -> String {
    let more = matches.len().saturating_sub(NAMED);
    if matches.is_empty() {
        return "none yet".to_owned();
    }
    let named = matches[..matches.len() - more].join(", ");
    if more == 0 {
        return named;
    }
    format!("{named} and {more} more")
}

/// Says what removing a rule does, and orders it.
#[component]
fn Leaving(
    /// The section.
    shown: Shown,
    /// What is to be removed.
    rule: MaskRule,
) -> impl IntoView {
    let order = format!("Remove the rule for {}", rule.path);
    let then = format!(
        "whoever reads sees {} of {} again, in old events as well, unless another rule hides it",
        rule.path, rule.types
    );
    let yes = Callback::new(move |()| {
        shown.leaving.set(None);
        shown.remove(rule.clone());
    });
    let no = Callback::new(move |()| shown.leaving.set(None));
    view! {
        <AskFirst order yes no>
            <dt>"then"</dt>
            <dd>{then}</dd>
        </AskFirst>
    }
    .into_any()
}

/// Makes a rule.
#[component]
fn Make(
    /// The section.
    shown: Shown,
) -> impl IntoView {
    let types = RwSignal::new("*".to_owned());
    let path = RwSignal::new(String::new());
    let visible_to = RwSignal::new(Role::Admin);
    let reason = RwSignal::new(String::new());
    // What comes of it stands at the form, not above the table.
    let orders = Orders::new();
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        let rule = MaskRuleBody {
            types: types.get_untracked().trim().to_owned(),
            path: path.get_untracked().trim().to_owned(),
            visible_to: visible_to.get_untracked(),
            reason: Some(reason.get_untracked().trim().to_owned()),
        };
        orders.give(async move {
            let api = Api::from_context();
            let made = api.mask(&rule).await?;
            let _ = path.try_set(String::new());
            let _ = reason.try_set(String::new());
            shown.read_again(&api).await;
            let role = made.visible_to.as_str();
            Ok(Said::done(format!(
                "{} of {} is seen from the role {role} on.",
                made.path, made.types
            )))
        });
    };
    let choose = move |event| {
        if let Some(role) = Role::named(&event_target_value(&event)) {
            visible_to.set(role);
        }
    };
    let roles = [Role::Operator, Role::Author, Role::Admin];
    let options: Vec<AnyView> = roles.into_iter().map(role_option).collect();
    view! {
        <h3>"Mask a field"</h3>
        <SaidLine said=orders.said />
        <form class="reason access-form" on:submit=submit>
            {field("Field: lists are passed through, * is any key", "data.customer.email", path)}
            {field("Of types: as in the filter line, * for all", "Customer*", types)}
            <label class="days">
                "Seen from the role"
                <select on:change=choose>
                    {options}
                </select>
            </label>
            {field("Why it is masked: the audit log keeps it", "personal data", reason)}
            <button type="submit" class="go" aria-disabled=move || orders.busy.get().then_some("true")>
                "Mask the field"
            </button>
        </form>
    }
    .into_any()
}

fn role_option(role: Role) -> AnyView {
    view! {
        <option value=role.as_str() selected=role == Role::Admin>
            {role.as_str()}
        </option>
    }
    .into_any()
}

/// A line that has to be filled in.
pub(super) fn field(
    label: &'static str,
    placeholder: &'static str,
    text: RwSignal<String>,
) -> AnyView {
    view! {
        <label>
            {label}
            <input
                type="text"
                required
                maxlength="500"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_a_few_types_and_counts_the_rest() {
        let names = |count: usize| -> Vec<String> { (0..count).map(|n| format!("T{n}")).collect() };
        assert_eq!(told(&names(0)), "none yet");
        assert_eq!(told(&names(3)), "T0, T1, T2");
        assert_eq!(told(&names(5)), "T0, T1, T2 and 2 more");
    }
}
