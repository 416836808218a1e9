//! Users: who they are, what they are, and who comes next.

use highwater_model::{Invitation, LoginMode, Role, User, UserBody};
use leptos::prelude::*;

use super::access_invite::{Invite, Link};
use super::access_users_row::{key, row};
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::{Answer, Api};
use crate::components::ask_first::AskFirst;
use crate::components::read_model_state::counted;

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
    pub(super) role: Role,
    pub(super) disabled: bool,
}

impl Shown {
    pub(super) async fn read_again(self, api: &Api) {
        if let Ok(fresh) = api.users().await {
            let _ = self.users.try_set(fresh);
        }
    }

    /// Gives an order, and shows how the users are then.
    pub(super) fn order(self, name: String, order: Order) {
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
