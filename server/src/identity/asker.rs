//! Who has asked for an order that a second person has agreed to, as of now: their session may have ended, what they may do may have changed.

use highwater_model::{Approval, Problem};
use highwater_store::StoreError;
use highwater_store::read_models::Approved;

use super::Gate;
use super::approval::TOKEN;
use crate::api::problem::ApiError;
use crate::caller::{Caller, KnownBy};

impl Gate {
    /// Who has asked for an order, with what they may do by now; refused when they can't get in any more.
    pub(super) async fn asker(
        &self,
        approval: &Approval,
        approved: Approved,
    ) -> Result<Caller, Problem> {
        let said = |error: StoreError| ApiError::from(error).0;
        let name = approval.asked_by.as_str();
        let found = if let Some(token) = name.strip_prefix(TOKEN) {
            let now = self.store().clock().now();
            let tokens = self.store().tokens().await.map_err(said)?;
            // One that was made meanwhile by the same name is another one.
            let found = tokens.into_iter().find(|one| {
                one.name == token
                    && one.created_by == approval.person
                    && one.created_at <= approval.asked_at
                    && one.expires_at > now
            });
            found.map(|token| (None, token.rights))
        } else {
            let user = self.store().known_user(name).await.map_err(said)?;
            let is_who_asked = self.store().is_asked_by_user(approval.id);
            let is_who_asked = is_who_asked.await.map_err(said)?;
            let user = user.filter(|user| !user.disabled && is_who_asked);
            user.map(|user| (Some(user.role), user.role.rights().to_vec()))
        };
        let Some((role, rights)) = found else {
            return Err(gone(name));
        };
        Ok(Caller {
            mask: self.mask(role, &rights).await?,
            name: name.into(),
            role,
            rights: rights.into(),
            by: KnownBy::Approval,
            film: None,
            approved: Some(approved),
        })
    }
}

fn gone(name: &str) -> Problem {
    let detail = format!("{name} asked for it, and can't get in any more; nothing was changed.");
    Problem::new(403, "not_allowed", "You may not do this", detail)
}
