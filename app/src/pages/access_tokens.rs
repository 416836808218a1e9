//! Tokens: which programs get in, what they may do, and until when.

use highwater_model::{ApiToken, NewToken, NewTokenBody, Right};
use leptos::prelude::*;

use super::access::origin;
use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::Time;
use crate::components::ask_first::AskFirst;
use crate::components::command::Command;

/// Days that are offered for a token.
const DAYS: &str = "90";

/// What the section shows.
#[derive(Debug, Clone, Copy)]
struct Shown {
    tokens: RwSignal<Vec<ApiToken>>,
    /// The token that is about to be revoked.
    leaving: RwSignal<Option<ApiToken>>,
    orders: Orders,
}

impl Shown {
    async fn read_again(self, api: &Api) {
        if let Ok(fresh) = api.tokens().await {
            let _ = self.tokens.try_set(fresh);
        }
    }

    fn revoke(self, token: ApiToken) {
        self.orders.give(async move {
            let api = Api::from_context();
            let done = api.revoke_token(token.id).await;
            // A refusal may say that somebody else was faster.
            self.read_again(&api).await;
            done.map(|()| Said::done(format!("{} no longer gets in.", token.name)))
        });
    }
}

/// The section.
#[component]
pub fn TokensSection(
    /// Read when the page was rendered.
    tokens: Vec<ApiToken>,
) -> impl IntoView {
    let shown = Shown {
        tokens: RwSignal::new(tokens),
        leaving: RwSignal::new(None),
        orders: Orders::new(),
    };
    let none = Memo::new(move |_| shown.tokens.with(Vec::is_empty));
    view! {
        <section id="tokens">
            <h2>"Tokens of programs"</h2>
            <SaidLine said=shown.orders.said />
            {move || shown.leaving.get().map(|token| view! { <Leaving shown token /> })}
            <p class="dim" class:hidden=move || !none.get()>
                "None. A program sends one with each request instead of logging in; make one below."
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Tokens of programs, by name">
                <table class="access">
                    <thead>
                        <tr>
                            <th>"name"</th>
                            <th>"may"</th>
                            <th>"made by"</th>
                            <th>"expires"</th>
                            <th>"used last"</th>
                            <th>"what to do"</th>
                        </tr>
                    </thead>
                    <tbody>
                        // Rows that stay keep their buttons, and so the focus.
                        <For each=move || shown.tokens.get() key=|token| (token.id, token.used_at) children=move |token| row(token, shown) />
                    </tbody>
                </table>
            </div>
            <Make shown />
        </section>
    }
    .into_any()
}

fn row(token: ApiToken, shown: Shown) -> AnyView {
    let used = match token.used_at {
        Some(at) => view! { <Time at /> }.into_any(),
        None => "never".into_any(),
    };
    let leaving = token.clone();
    let label = format!("Revoke…: {}", token.name);
    let may = words(&token.rights);
    view! {
        <tr>
            <td>
                <b>{token.name}</b>
            </td>
            <td class="wrap">{may}</td>
            <td>{token.created_by}</td>
            <td class="mono dim">
                <Time at=token.expires_at />
            </td>
            <td class="mono dim">{used}</td>
            <td>
                <button
                    type="button"
                    class="quiet"
                    aria-label=label
                    on:click=move |_| shown.leaving.set(Some(leaving.clone()))
                >
                    "Revoke…"
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// `read, append`
fn words(rights: &[Right]) -> String {
    let words: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
    words.join(", ")
}

/// Says what revoking does, and orders it.
#[component]
fn Leaving(
    /// The section.
    shown: Shown,
    /// What is to be revoked.
    token: ApiToken,
) -> impl IntoView {
    let order = format!("Revoke {}", token.name);
    let yes = Callback::new(move |()| {
        shown.leaving.set(None);
        shown.revoke(token.clone());
    });
    let no = Callback::new(move |()| shown.leaving.set(None));
    view! {
        <AskFirst order yes no>
            <dt>"then"</dt>
            <dd>"whatever sends it is refused from its next request on, and its connections are closed; it can't be brought back"</dd>
        </AskFirst>
    }
    .into_any()
}

/// What is typed into the form.
#[derive(Debug, Clone, Copy)]
struct Typed {
    name: RwSignal<String>,
    rights: RwSignal<Vec<Right>>,
    days: RwSignal<String>,
}

impl Typed {
    fn new() -> Self {
        Self {
            name: RwSignal::new(String::new()),
            rights: RwSignal::new(vec![Right::Read]),
            days: RwSignal::new(DAYS.to_owned()),
        }
    }

    /// The token that it asks for, or what is wrong.
    fn body(self) -> Result<NewTokenBody, &'static str> {
        body(
            &self.name.get_untracked(),
            self.rights.get_untracked(),
            &self.days.get_untracked(),
        )
    }
}

/// The token that is asked for, or what is wrong.
fn body(name: &str, rights: Vec<Right>, days: &str) -> Result<NewTokenBody, &'static str> {
    if rights.is_empty() {
        return Err("Choose at least one thing that it may do.");
    }
    let days = days.trim().parse::<i64>();
    Ok(NewTokenBody {
        name: name.trim().to_owned(),
        rights,
        days: days.map_err(|_| "The number of days is no number.")?,
    })
}

/// Takes a right in or out; they stay in order.
fn turn(rights: &mut Vec<Right>, right: Right, on: bool) {
    rights.retain(|one| *one != right);
    if on {
        rights.push(right);
    }
    rights.sort_unstable();
}

/// Makes a token.
#[component]
fn Make(
    /// The section.
    shown: Shown,
) -> impl IntoView {
    let typed = Typed::new();
    let made = RwSignal::new(None::<NewToken>);
    // What comes of it stands at the form, not above the table.
    let orders = Orders::new();
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        made.set(None);
        let body = match typed.body() {
            Ok(body) => body,
            Err(words) => return orders.said.set(Some(Said::failed(words))),
        };
        orders.give(async move {
            let api = Api::from_context();
            let token = api.make_token(&body).await?;
            let words = format!("{} may {}.", token.token.name, words(&token.token.rights));
            let _ = made.try_set(Some(token));
            let _ = typed.name.try_set(String::new());
            shown.read_again(&api).await;
            Ok(Said::done(words))
        });
    };
    let rights: Vec<AnyView> = Right::ALL
        .into_iter()
        .map(|right| right_box(right, typed))
        .collect();
    view! {
        <h3>"Make a token"</h3>
        <SaidLine said=orders.said />
        <Secret made />
        <form class="reason access-form" on:submit=submit>
            <label>
                "Name: the audit log has it as token:NAME"
                <input
                    type="text"
                    required
                    maxlength="60"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="billing"
                    prop:value=move || typed.name.get()
                    on:input=move |event| typed.name.set(event_target_value(&event))
                />
            </label>
            <label class="days">
                "Days until it expires"
                <input
                    type="number"
                    required
                    min="1"
                    max="366"
                    prop:value=move || typed.days.get()
                    on:input=move |event| typed.days.set(event_target_value(&event))
                />
            </label>
            <fieldset class="rights">
                <legend>"It may"</legend>
                {rights}
            </fieldset>
            <p class="dim">
                "A token sees masked fields with reveal only. Members of subscriptions (subscribe) are given events whole: they are programs that work on them."
            </p>
            <button type="submit" class="go" aria-disabled=move || orders.busy.get().then_some("true")>
                "Make a token"
            </button>
        </form>
    }
    .into_any()
}

fn right_box(right: Right, typed: Typed) -> AnyView {
    view! {
        <label class="check">
            <input
                type="checkbox"
                prop:checked=move || typed.rights.with(|rights| rights.contains(&right))
                on:change=move |event| {
                    let on = event_target_checked(&event);
                    typed.rights.update(|rights| turn(rights, right, on));
                }
            />
            {format!("{}: {}", right.as_str(), right.words())}
        </label>
    }
    .into_any()
}

/// The secret of a token that was just made: it is shown once.
#[component]
fn Secret(
    /// It, until it is no longer wanted.
    made: RwSignal<Option<NewToken>>,
) -> impl IntoView {
    let shown = move || {
        let NewToken { token, secret } = made.get()?;
        let curl = format!(
            "curl -H \"Authorization: Bearer {secret}\" {}/api/events",
            origin()
        );
        Some(view! {
            <div class="notice done">
                <p>
                    {format!("This is the secret of {}. It works until ", token.name)} <Time at=token.expires_at />
                    ", and it is shown only now."
                </p>
                <Command text=secret />
                <p>"A program sends it with each request:"</p>
                <Command text=curl />
                <div class="bar">
                    <button type="button" class="quiet" on:click=move |_| made.set(None)>
                        "I have it"
                    </button>
                </div>
            </div>
        })
    };
    view! { <div role="status" class="once">{shown}</div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_at_least_one_thing_and_its_rights_are_in_order() {
        let mut rights = vec![Right::Read];
        turn(&mut rights, Right::Append, true);
        turn(&mut rights, Right::Watch, true);
        turn(&mut rights, Right::Watch, true);
        let asked = body(" billing ", rights.clone(), DAYS).unwrap();
        assert_eq!(words(&asked.rights), "watch, read, append");
        assert_eq!((asked.name.as_str(), asked.days), ("billing", 90));
        assert!(body("billing", rights.clone(), "soon").is_err());
        for right in Right::ALL {
            turn(&mut rights, right, false);
        }
        assert!(body("billing", rights, DAYS).is_err());
    }
}
