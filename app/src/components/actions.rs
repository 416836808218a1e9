//! What operators did.

use highwater_model::Action;
use leptos::prelude::*;
use serde_json::Value;

use super::Time;
use crate::api::escape;

/// Actions as a table, the newest first.
#[component]
pub fn Actions(
    /// The actions.
    actions: Vec<Action>,
    /// Shows which read model each was about.
    of_many: bool,
) -> impl IntoView {
    let rows: Vec<AnyView> = actions
        .into_iter()
        .map(|action| row(action, of_many))
        .collect();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label="Actions, newest first">
            <table>
                <thead>
                    <tr>
                        <th>"when"</th>
                        <th>"who"</th>
                        <th>"action"</th>
                        {of_many.then(|| view! { <th>"read model"</th> })}
                        <th>"reason"</th>
                        <th>"what changed"</th>
                        <th>"outcome"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(action: Action, of_many: bool) -> AnyView {
    let model = of_many.then(|| {
        let name = action.read_model.unwrap_or_default();
        view! {
            <td class="mono">
                <a href=format!("/read-models/{}", escape(&name))>{name.clone()}</a>
            </td>
        }
    });
    let changed = changed(&action.before, &action.after);
    view! {
        <tr>
            <td class="mono dim">
                <Time at=action.at />
            </td>
            <td>{action.actor}</td>
            <td>
                <b>{action.action}</b>
            </td>
            {model}
            <td class="wrap">{action.reason}</td>
            <td class="mono dim">{changed}</td>
            <td>{action.outcome}</td>
        </tr>
    }
    .into_any()
}

/// The fields whose values differ: `state live → paused · checkpoint 12 → 13`.
fn changed(before: &Value, after: &Value) -> String {
    let said = |value: &Value| match value {
        Value::String(text) => text.replace('_', " "),
        other => other.to_string(),
    };
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return String::new();
    };
    after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(*value))
        .map(|(key, value)| match before.get(key) {
            Some(old) => format!("{key} {} → {}", said(old), said(value)),
            None => format!("{key} {}", said(value)),
        })
        .collect::<Vec<_>>()
        .join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_told() {
        assert_eq!(
            changed(
                &json!({"state": "live", "checkpoint": 12, "failure": null}),
                &json!({"state": "catching_up", "checkpoint": 12, "failure": null}),
            ),
            "state live → catching up"
        );
    }
}
