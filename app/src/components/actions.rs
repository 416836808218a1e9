//! What operators did.

use highwater_model::Action;
use leptos::prelude::*;
use serde_json::Value;

use super::Time;
use super::version_numbers::VersionNumbers;
use crate::api::escape;

/// Actions as a table, the newest first.
#[component]
pub fn Actions(
    /// The actions.
    actions: Vec<Action>,
    /// Shows what each was about.
    of_many: bool,
    /// Numbers of the versions that are there.
    numbers: VersionNumbers,
) -> impl IntoView {
    let rows: Vec<AnyView> = actions
        .into_iter()
        .map(move |action| row(action, of_many, &numbers))
        .collect();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label="Actions, newest first">
            <table>
                <thead>
                    <tr>
                        <th>"when"</th>
                        <th>"who"</th>
                        <th>"action"</th>
                        {of_many.then(|| view! { <th>"of"</th> })}
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

fn row(action: Action, of_many: bool, numbers: &VersionNumbers) -> AnyView {
    let model = of_many.then(|| {
        let link = of(&action);
        view! { <td class="mono">{link.map(|(href, name)| view! { <a href=href>{name}</a> })}</td> }
    });
    let changed = changed(&action.before, &action.after, numbers);
    let job = [&action.after, &action.before]
        .into_iter()
        .find_map(|facts| facts.get("job").and_then(Value::as_i64))
        .map(|id| view! { <a href=format!("/jobs/{id}")>{format!("job {id}")}</a> });
    view! {
        <tr>
            <td class="mono dim">
                <Time at=action.at />
            </td>
            <td>{action.actor}</td>
            <td>
                <b>{action.action.replace('_', " ")}</b>
            </td>
            {model}
            <td class="wrap">{action.reason}</td>
            <td class="mono dim wrap">{changed} " " {job}</td>
            <td class="wrap">{action.outcome}</td>
        </tr>
    }
    .into_any()
}

/// What an action concerns, and its page: a read model, a subscription, a kind of flow, a category's state.
pub(crate) fn of(action: &Action) -> Option<(String, String)> {
    let fact = |name: &str| action.after.get(name).and_then(Value::as_str);
    let (path, name) = if let Some(name) = action.read_model.as_deref() {
        ("/read-models/", name)
    } else if let Some(name) = action.subscription.as_deref() {
        ("/subscriptions/", name)
    } else if let Some(kind) = fact("kind") {
        ("/flows?kind=", kind)
    } else {
        ("/streams?category=", fact("category")?)
    };
    Some((format!("{path}{}", escape(name)), name.to_owned()))
}

/// The fields whose values differ: `state live → paused · checkpoint 12 → 13 · live version 1 → version 2`.
fn changed(before: &Value, after: &Value, numbers: &VersionNumbers) -> String {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return String::new();
    };
    let told = |key: &str, value: &Value| match (role_of(key), value) {
        (Some(_), Value::Number(id)) => numbers.name(id.as_i64().unwrap_or_default()),
        (_, Value::String(text)) => words(text),
        (_, Value::Null) => "none".to_owned(),
        (_, other) => other.to_string(),
    };
    let name = |key: &str| match role_of(key) {
        Some("") => String::new(),
        Some(role) => format!("{role} "),
        None => format!("{} ", key.replace('_', " ")),
    };
    // The job has a link of its own.
    let came = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(*value) && *key != "job")
        .map(|(key, value)| match before.get(key) {
            Some(old) => format!("{}{} → {}", name(key), told(key, old), told(key, value)),
            None => format!("{}{}", name(key), told(key, value)),
        });
    let went = before
        .iter()
        .filter(|(key, _)| role_of(key) == Some("") && !after.contains_key(*key))
        .map(|(key, value)| format!("{} is gone", told(key, value)));
    came.chain(went).collect::<Vec<_>>().join(" · ")
}

/// A word of ours as people write it; a text of several lines, which the file of the log has whole, by its length.
fn words(text: &str) -> String {
    let lines = text.trim_end().lines().count();
    if lines > 1 {
        return format!("{lines} lines");
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    {
        return text.replace('_', " ");
    }
    text.to_owned()
}

/// For a field that holds a version's id: which role the version has, if it says so.
fn role_of(key: &str) -> Option<&str> {
    let role = key.strip_suffix("version")?;
    Some(role.trim_end_matches('_')).filter(|role| role.is_empty() || key.contains('_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: &Value, after: &Value) -> String {
        changed(before, after, &VersionNumbers::from([(6, 2)]))
    }

    #[test]
    fn only_what_changed_is_told() {
        assert_eq!(
            told(
                &json!({"state": "live", "checkpoint": 12, "failure": null}),
                &json!({"state": "catching_up", "checkpoint": 12, "failure": null}),
            ),
            "state live → catching up"
        );
    }

    #[test]
    fn a_version_is_told_by_its_number_where_that_is_known() {
        assert_eq!(
            told(
                &json!({"live_version": 5, "shadow_version": 6}),
                &json!({"live_version": 6, "previous_version": 5, "position": 40}),
            ),
            "live version id 5 → version 2 · position 40 · previous version id 5"
        );
        assert_eq!(
            told(&json!({"version": 6, "role": "shadow"}), &json!({})),
            "version 2 is gone"
        );
        assert_eq!(
            told(&json!({}), &json!({"version": 6, "role": "waiting"})),
            "role waiting · version 2"
        );
    }

    #[test]
    fn a_text_of_others_stays_as_it_is_and_a_long_one_is_counted() {
        assert_eq!(
            told(
                &json!({"definition": null}),
                &json!({"definition": "-- highwater: state a\nstate || data\n", "query": "kind=a_B"}),
            ),
            "definition none → 2 lines · query kind=a_B"
        );
    }

    #[test]
    fn a_job_is_a_link_and_a_limit_that_went_is_none() {
        assert_eq!(
            told(
                &json!({"job": 3, "speed_limit": 100}),
                &json!({"job": 3, "speed_limit": null}),
            ),
            "speed limit 100 → none"
        );
    }
}
