//! Who looks at the console, and what they may do.

use highwater_model::{Environment, LoginMode, Right, WhoAmI};
use leptos::prelude::*;

use crate::api::{Answer, Api};

/// Who it is; the console provides it by context. While it is not known everything is allowed: nothing flickers, and the server decides
/// anyway.
#[derive(Debug, Clone, Copy)]
pub struct Me {
    asked: Resource<Answer<WhoAmI>>,
    /// Set in the browser, after hydration: the first paint is the same on both sides.
    known: RwSignal<Option<WhoAmI>>,
}

impl Me {
    /// Asks the server, once.
    pub fn new() -> Self {
        Self {
            asked: Resource::new(
                || (),
                |()| {
                    let api = Api::from_context();
                    async move { api.who_am_i().await }
                },
            ),
            known: RwSignal::new(None),
        }
    }

    /// What the server answered, for parts of the page that wait for it.
    pub async fn asked(self) -> Answer<WhoAmI> {
        self.asked.await
    }

    /// Takes over what the server answered. In an effect of the browser.
    pub fn learn(self) {
        if let Some(Ok(who)) = self.asked.get()
            && self
                .known
                .with_untracked(|known| known.as_ref() != Some(&who))
        {
            self.known.set(Some(who));
        }
    }

    /// Who it is, once that is known.
    pub fn who(self) -> Option<WhoAmI> {
        self.known.get()
    }

    /// Whether they may do this.
    pub fn may(self, right: Right) -> bool {
        self.known
            .with(|who| who.as_ref().is_none_or(|who| who.may(right)))
    }

    /// Whether they are known to keep users and tokens: what only they have is not offered to others for a moment.
    pub fn keeps_users(self) -> bool {
        self.known
            .with(|who| who.as_ref().is_some_and(|who| who.may(Right::Administer)))
    }

    /// Whether orders are known to wait for a second person here.
    pub fn approvals(self) -> bool {
        self.known
            .with(|who| who.as_ref().is_some_and(|who| who.approvals))
    }

    /// What the server looks after, once that is known.
    pub fn environment(self) -> Option<Environment> {
        self.known
            .with(|who| who.as_ref().and_then(|who| who.environment.clone()))
    }

    /// Nobody is logged in where one has to be.
    pub fn is_nobody(self) -> bool {
        self.known.with_untracked(|who| {
            who.as_ref()
                .is_some_and(|who| who.login != LoginMode::Local && who.name.is_none())
        })
    }
}

impl Default for Me {
    fn default() -> Self {
        Self::new()
    }
}
