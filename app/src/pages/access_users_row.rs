//! A user in the table: how they are, and what can be done about it.

use highwater_model::{Role, User};
use leptos::prelude::*;

use super::access_users::{Order, Shown, UserChange};
use crate::components::Time;
use crate::format;

/// A row with another one is made anew.
pub(super) fn key(user: &User) -> (String, Role, bool, bool, Option<jiff::Timestamp>, i64) {
    let User {
        role,
        invited,
        disabled,
        seen_at,
        sessions,
        ..
    } = *user;
    (
        user.name.clone(),
        role,
        invited,
        disabled,
        seen_at,
        sessions,
    )
}

/// The word for how a user is, and the look of it.
fn state(user: &User) -> (&'static str, &'static str) {
    if user.disabled {
        ("disabled", "pill state stopped")
    } else if user.invited {
        ("invited", "pill state starting")
    } else {
        ("active", "pill state live")
    }
}

pub(super) fn row(user: &User, shown: Shown) -> AnyView {
    let (word, class) = state(user);
    let role = if shown.by_provider {
        user.role.as_str().into_any()
    } else {
        view! { <RoleChoice user=user.clone() shown /> }.into_any()
    };
    let seen = match user.seen_at {
        Some(at) => view! { <Time at /> }.into_any(),
        None => "never".into_any(),
    };
    view! {
        <tr>
            <td>
                <b>{user.name.clone()}</b>
            </td>
            <td>
                <span class=class>
                    <span class="dot" aria-hidden="true"></span>
                    {word}
                </span>
            </td>
            <td>{role}</td>
            <td class="mono dim">{seen}</td>
            <td class="n">{format::number(user.sessions)}</td>
            <td>{row_orders(user, shown)}</td>
        </tr>
    }
    .into_any()
}

/// The role, and a button once another one is chosen: by keys one passes over the others.
#[component]
fn RoleChoice(
    /// The user.
    user: User,
    /// The section.
    shown: Shown,
) -> impl IntoView {
    let (is, disabled) = (user.role, user.disabled);
    let chosen = RwSignal::new(is);
    let label = format!("Role of {}", user.name);
    let save_label = format!("Save the role of {}", user.name);
    let options: Vec<AnyView> = Role::ALL
        .into_iter()
        .map(|role| role_option(role, is))
        .collect();
    let choose = move |event| {
        if let Some(role) = Role::named(&event_target_value(&event)) {
            chosen.set(role);
        }
    };
    let save = move |_| {
        let change = UserChange {
            role: chosen.get_untracked(),
            disabled,
        };
        shown.order(user.name.clone(), Order::Change(change));
    };
    view! {
        <div class="bar">
            <select aria-label=label on:change=choose>
                {options}
            </select>
            <button
                type="button"
                class="go"
                class:hidden=move || chosen.get() == is
                aria-label=save_label
                aria-disabled=move || shown.orders.busy.get().then_some("true")
                on:click=save
            >
                "Save"
            </button>
        </div>
    }
    .into_any()
}

fn role_option(role: Role, is: Role) -> AnyView {
    view! {
        <option value=role.as_str() selected=role == is title=role.words()>
            {role.as_str()}
        </option>
    }
    .into_any()
}

fn row_orders(user: &User, shown: Shown) -> AnyView {
    let name = user.name.clone();
    let change = UserChange {
        role: user.role,
        disabled: !user.disabled,
    };
    let button = |words: &'static str, order: Order| {
        let label = format!("{words}: {name}");
        let name = name.clone();
        view! {
            <button
                type="button"
                class="quiet"
                aria-label=label
                aria-disabled=move || shown.orders.busy.get().then_some("true")
                on:click=move |_| shown.order(name.clone(), order)
            >
                {words}
            </button>
        }
        .into_any()
    };
    // What takes something away is asked first.
    let ask = |words: &'static str, order: Order| {
        let label = format!("{words}: {name}");
        let name = name.clone();
        view! {
            <button type="button" class="quiet" aria-label=label on:click=move |_| shown.leaving.set(Some((name.clone(), order)))>
                {words}
            </button>
        }
        .into_any()
    };
    let turn = if user.disabled { "Enable" } else { "Disable" };
    let link = if shown.by_provider {
        ().into_any()
    } else if user.invited {
        button("New link", Order::NewLink)
    } else {
        ask("New link…", Order::NewLink)
    };
    view! {
        <div class="bar">
            {link} {button("End sessions", Order::EndSessions)} {button(turn, Order::Change(change))} {ask("Remove…", Order::Remove)}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_disabled_is_that_before_anything_else() {
        let mut user = User {
            name: "ada".to_owned(),
            role: Role::Viewer,
            invited: true,
            disabled: false,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            seen_at: None,
            sessions: 0,
        };
        assert_eq!(state(&user).0, "invited");
        user.disabled = true;
        assert_eq!(state(&user).0, "disabled");
        user.disabled = false;
        user.invited = false;
        assert_eq!(state(&user).0, "active");
    }
}
