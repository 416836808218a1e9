//! The kinds of flows: how long they take, how many are stuck, and by which rule they end.

use highwater_model::{FlowKind, FlowRule, FlowRuleBody, Right};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::href_with;
use crate::api::Api;
use crate::components::TypeName;
use crate::components::may::Needs;
use crate::format;

/// The kinds as a table.
pub(super) fn kinds_view(kinds: Memo<Vec<FlowKind>>) -> AnyView {
    let rows = move || kinds.with(|kinds| kinds.iter().map(row).collect::<Vec<AnyView>>());
    let any = move || kinds.with(|kinds| !kinds.is_empty());
    view! {
        <Show when=any>
            <div class="card scroll whole" tabindex="0" role="region" aria-label="Kinds of flows">
                <table class="flow-kinds">
                    <thead>
                        <tr>
                            <th>"begins with"</th>
                            <th class="n">"half take"</th>
                            <th class="n">"95 % take"</th>
                            <th class="n">"99 % take"</th>
                            <th class="n">"unfinished"</th>
                            <th class="n">"late"</th>
                            <th>"how the newest ended"</th>
                            <th>"rule"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </Show>
    }
    .into_any()
}

fn row(kind: &FlowKind) -> AnyView {
    let map = use_query_map();
    let link = |shown: &str, order: &str| {
        map.with_untracked(|map| {
            let changes = [
                ("kind", kind.kind.as_str()),
                ("shown", shown),
                ("order", order),
                ("cursor", ""),
            ];
            href_with("/flows", map, &changes)
        })
    };
    let span = |took: Option<i64>| took.map_or_else(|| "–".to_owned(), format::span);
    let counted = |count: i64, shown: &str| {
        if kind.rule.is_none() {
            return view! { <span class="dim">"–"</span> }.into_any();
        }
        let words = if count >= 10_000 {
            format!("≥\u{2009}{}", format::number(count))
        } else {
            format::number(count)
        };
        view! { <a href=link(shown, "oldest")>{words}</a> }.into_any()
    };
    let outcomes = kind
        .outcomes
        .iter()
        .take(4)
        .map(|outcome| {
            #[expect(clippy::cast_precision_loss, reason = "2,000 at most")]
            let share = outcome.flows as f64 / kind.sample.max(1) as f64 * 100.0;
            format!("{} {share:.0} %", outcome.event_type)
        })
        .collect::<Vec<_>>()
        .join(" · ");
    let rule = kind
        .rule
        .as_ref()
        .map_or_else(|| "none: say when one is finished".to_owned(), rule_words);
    let late = if kind.late > 0 { "n late-count" } else { "n" };
    view! {
        <tr>
            <td>
                <a href=link("", "")>
                    <TypeName name=kind.kind.clone() />
                </a>
            </td>
            <td class="n">{span(kind.p50_ms)}</td>
            <td class="n">{span(kind.p95_ms)}</td>
            <td class="n">
                <a href=link("", "slowest")>{span(kind.p99_ms)}</a>
            </td>
            <td class="n">{counted(kind.unfinished, "unfinished")}</td>
            <td class=late>{counted(kind.late, "late")}</td>
            <td class="dim">{outcomes}</td>
            <td class="dim">
                <a href=format!("{}#rule", link("", ""))>{rule}</a>
            </td>
        </tr>
    }
    .into_any()
}

fn rule_words(rule: &FlowRule) -> String {
    let within = rule.within_ms.map_or_else(String::new, |within| {
        format!(", within {}", format::span(within))
    });
    let judged = rule
        .judged_to
        .map_or("", |_| "; older flows are being judged");
    format!("ends with {}{within}{judged}", rule.ends.join(" or "))
}

/// What came of the last order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Nothing,
    Done(String),
    Refused(String),
}

/// Writes the rule of one kind.
#[component]
pub fn RuleForm(
    /// The kind.
    kind: String,
    /// Its rule when the page was opened.
    rule: Option<FlowRule>,
) -> impl IntoView {
    let open = rule.is_none();
    let (ends, within) = rule.map_or_else(Default::default, |rule| {
        (
            rule.ends.join(", "),
            rule.within_ms.map(seconds).unwrap_or_default(),
        )
    });
    let (ends, within) = (RwSignal::new(ends), RwSignal::new(within));
    let reason = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let said = RwSignal::new(Said::Nothing);
    let asked = kind.clone();
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let body = match body(
            &ends.get_untracked(),
            &within.get_untracked(),
            &reason.get_untracked(),
        ) {
            Ok(body) => body,
            Err(why) => {
                said.set(Said::Refused(why));
                return;
            }
        };
        busy.set(true);
        let kind = asked.clone();
        leptos::task::spawn_local(async move {
            let came = match Api::from_context().put_flow_rule(&kind, &body).await {
                Ok(Some(rule)) => Said::Done(format!(
                    "The rule is kept: such a flow {}.",
                    rule_words(&rule)
                )),
                Ok(None) => Said::Done(
                    "The rule is taken back: nobody says when such a flow is finished.".to_owned(),
                ),
                Err(error) => Said::Refused(error.to_string()),
            };
            let _ = said.try_set(came);
            let _ = busy.try_set(false);
        });
    };
    let told = move || match said.get() {
        Said::Nothing => None,
        Said::Done(words) => Some(view! { <p class="notice">{words}</p> }.into_any()),
        Said::Refused(words) => Some(view! { <p class="notice bad">{words}</p> }.into_any()),
    };
    view! {
        <details class="card whole flow-rule" id="rule" open=open>
            <summary>"When is a flow that begins with " <TypeName name=kind /> " finished?"</summary>
            <form class="fields" on:submit=submit>
                <Needs right=Right::Define>
                    <Field label="ends with an event of one of these types, separated by commas; empty takes the rule back" text=ends wide=true />
                    <Field label="late after so many seconds" text=within placeholder="never" />
                    <Field label="reason, for the audit log" text=reason wide=true />
                    <button type="submit" class="go" aria-disabled=move || busy.get().then_some("true")>
                        "Keep the rule"
                    </button>
                </Needs>
            </form>
            <div role="status">{told}</div>
        </details>
    }
    .into_any()
}

/// One line of the form.
#[component]
fn Field(
    /// What it is for.
    label: &'static str,
    /// What stands in it.
    text: RwSignal<String>,
    /// It takes more of the line than others.
    #[prop(default = false)]
    wide: bool,
    /// What an empty one means.
    #[prop(default = "")]
    placeholder: &'static str,
) -> impl IntoView {
    view! {
        <label class:wide=wide>
            {label}
            <input
                type="text"
                autocomplete="off"
                spellcheck="false"
                maxlength="5000"
                placeholder=placeholder
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

/// Milliseconds as seconds, without a part that is nothing.
fn seconds(milliseconds: i64) -> String {
    let (whole, part) = (milliseconds / 1_000, milliseconds % 1_000);
    if part == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{part:03}")
            .trim_end_matches('0')
            .to_owned()
    }
}

/// What the fields say, or what is wrong with them.
fn body(ends: &str, within: &str, reason: &str) -> Result<FlowRuleBody, String> {
    let ends = ends
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let within = within.trim();
    let within_ms = if within.is_empty() {
        None
    } else {
        let seconds = within.replace(',', ".").parse::<f64>().ok();
        let milliseconds = seconds
            .map(|seconds| (seconds * 1_000.0).round())
            .filter(|milliseconds| (1.0..1e12).contains(milliseconds))
            .ok_or_else(|| {
                format!("{within} is no number of seconds; write 90 or 0.5, or leave it empty")
            })?;
        #[expect(clippy::cast_possible_truncation, reason = "looked at above")]
        Some(milliseconds as i64)
    };
    let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    Ok(FlowRuleBody {
        ends,
        within_ms,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_a_rule() {
        let read = body(" OrderCompleted, OrderCancelled ,", "0,5", " ").unwrap();
        assert_eq!(read.ends, ["OrderCompleted", "OrderCancelled"]);
        assert_eq!((read.within_ms, read.reason), (Some(500), None));
        assert_eq!(body("", "", "").unwrap().within_ms, None);
        for wrong in ["soon", "-1", "0", "NaN", "1e99"] {
            assert!(body("A", wrong, "").is_err(), "{wrong}");
        }
        assert_eq!(
            [seconds(60_000), seconds(500), seconds(1_250)],
            ["60", "0.5", "1.25"]
        );
    }
}
