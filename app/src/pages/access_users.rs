//! Users: who they are, what they are, and who comes next.

use highwater_model::{Invitation, LoginMode, Role, User, UserBody};
use leptos::prelude::*;

use super::access_invite::{Invite, Link};
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::{Answer, Api};
use crate::components::Time;
use crate::components::ask_first::AskFirst;
use crate::components::read_model_state::counted;
use crate::format;

/// What the section shows.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    pub(super) users: RwSignal<Vec<User>>,
    /// The link that was made last: nobody can read it again.
    pub(super) link: RwSignal<Option<Invitation>>,
    /// Who is about to lose something by an order, and which.
    pub(super) leaving: RwSignal<Option<(String, Order)>>,
    pub(super) orders: Orders,
    /// A provider says who gets in and what they are.
    pub(super) by_provider: bool,
}

/// What is ordered of a user.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Change(UserChange),
    NewLink,
    EndSessions,
    Remove,
}

/// What a user is from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserChange {
    role: Role,
    disabled: bool,
}

impl Shown {
    pub(super) async fn read_again(self, api: &Api) {
        if let Ok(fresh) = api.users().await {
            let _ = self.users.try_set(fresh);
        }
    }

    /// Gives an order, and shows how the users are then.
    fn order(self, name: String, order: Order) {
        self.link.set(None);
        self.orders.give(async move {
            let api = Api::from_context();
            let done = carry_out(&api, self.link, &name, order).await;
            // A refusal may say that somebody else was faster.
            self.read_again(&api).await;
            done.map(Said::done)
        });
    }
}

/// Gives the order; answers what came of it.
async fn carry_out(
    api: &Api,
    link: RwSignal<Option<Invitation>>,
    name: &str,
    order: Order,
) -> Answer<String> {
    match order {
        Order::Change(UserChange { role, disabled }) => {
            let now = api.change_user(name, &UserBody { role, disabled }).await?;
            let can = if now.disabled {
                ", who can't get in"
            } else {
                ""
            };
            Ok(format!("{name} is {}{can}.", now.role.as_str()))
        }
        Order::NewLink => {
            let invitation = api.invite_again(name).await?;
            let _ = link.try_set(Some(invitation));
            Ok(format!(
                "There is a new link for {name}, who is logged out: the password until now no longer works."
            ))
        }
        Order::EndSessions => {
            api.end_sessions(name).await?;
            Ok(format!("{name} is logged in nowhere now."))
        }
        Order::Remove => {
            api.remove_user(name).await?;
            Ok(format!("{name} is removed."))
        }
    }
}

/// The section.
#[component]
pub fn UsersSection(
    /// Read when the page was rendered.
    users: Vec<User>,
    /// How they get in.
    login: LoginMode,
) -> impl IntoView {
    let by_provider = login == LoginMode::Oidc;
    let shown = Shown {
        users: RwSignal::new(users),
        link: RwSignal::new(None),
        leaving: RwSignal::new(None),
        orders: Orders::new(),
        by_provider,
    };
    let nobody = if by_provider {
        "Nobody yet. Whoever logs in at the provider, and is in a group that has a role here, stands here from then on."
    } else {
        "Nobody yet. Invite somebody below; the first admin is invited by the link that the server prints."
    };
    let below = if by_provider {
        view! {
            <p class="dim">
                "Users come from the provider: a group there has a role here (" <code>"--oidc-role"</code>
                "), which counts at each login. Who is disabled here stays out all the same; who is removed comes back with the next login."
            </p>
        }
        .into_any()
    } else {
        view! { <Invite shown /> }.into_any()
    };
    let none = Memo::new(move |_| shown.users.with(Vec::is_empty));
    view! {
        <section id="users">
            <h2>"Users"</h2>
            <SaidLine said=shown.orders.said />
            <Link link=shown.link />
            {move || shown.leaving.get().map(|of| view! { <Leaving shown of /> })}
            <p class="dim" class:hidden=move || !none.get()>
                {nobody}
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Users by name">
                <table class="access">
                    <thead>
                        <tr>
                            <th>"name"</th>
                            <th>"state"</th>
                            <th>"role"</th>
                            <th>"seen"</th>
                            <th class="n">"sessions"</th>
                            <th>"what to do"</th>
                        </tr>
                    </thead>
                    <tbody>
                        // Rows that stay keep their controls, and so the focus.
                        <For each=move || shown.users.get() key=key children=move |user| row(&user, shown) />
                    </tbody>
                </table>
            </div>
            {below}
        </section>
    }
    .into_any()
}

/// A row with another one is made anew.
fn key(user: &User) -> (String, Role, bool, bool, Option<jiff::Timestamp>, i64) {
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

fn row(user: &User, shown: Shown) -> AnyView {
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

/// Says what an order takes from a user, and gives it.
#[component]
fn Leaving(
    /// The section.
    shown: Shown,
    /// Whom it is about, and what.
    of: (String, Order),
) -> impl IntoView {
    let (name, order) = of;
    let sessions = shown.users.with_untracked(|users| {
        let user = users.iter().find(|user| user.name == name);
        user.map_or(0, |user| user.sessions)
    });
    let closed = match sessions {
        0 => "nothing of theirs is open".to_owned(),
        sessions => format!("{} closed", counted(sessions, "session is", "sessions are")),
    };
    let (words, then, instead) = match order {
        Order::NewLink => (
            format!("Make a new link for {name}"),
            format!(
                "the password of {name} no longer works, until they choose one at the link; {closed}"
            ),
            "end their sessions: they log in again with the password that they have",
        ),
        _ => (
            format!("Remove {name}"),
            format!("{name} is no user any more; {closed}; what {name} did stays in the audit log"),
            "disabled, they can't get in either, and can be let in again",
        ),
    };
    let yes = Callback::new(move |()| {
        shown.leaving.set(None);
        shown.order(name.clone(), order);
    });
    let no = Callback::new(move |()| shown.leaving.set(None));
    view! {
        <AskFirst order=words yes no>
            <dt>"then"</dt>
            <dd>{then}</dd>
            <dt>"instead"</dt>
            <dd>{instead}</dd>
        </AskFirst>
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
