//! Saved views.

use highwater_model::{SavedView, SavedViewBody, ViewPage};
use serde_json::json;

use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Views that one owner may have.
const OF_AN_OWNER: i64 = 200;
/// Views that are answered at once: the owner's own, then those of others.
const LISTED: i64 = 1_000;
const NAME_CHARS: usize = 100;
const QUERY_BYTES: usize = 4_000;

type Row = (
    i64,
    String,
    String,
    String,
    String,
    bool,
    jiff_sqlx::Timestamp,
);

fn view((id, page, name, query, owner, shared, saved_at): Row) -> Result<SavedView, StoreError> {
    let known = ViewPage::ALL
        .into_iter()
        .find(|known| known.as_str() == page);
    Ok(SavedView {
        id,
        page: known.ok_or_else(|| {
            StoreError::Broken(format!("a saved view is of an unknown page {page:?}"))
        })?,
        name,
        query,
        owner,
        shared,
        saved_at: saved_at.to_jiff(),
    })
}

impl Store {
    /// What somebody has saved, and what others share; by name.
    pub async fn saved_views(&self, owner: &str) -> Result<Vec<SavedView>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select view_id, page, name, query, owner, shared, saved_at from highwater.saved_views
             where owner = $1 or shared order by lower(name), view_id limit $2",
        )
        .bind(owner)
        .bind(LISTED)
        .fetch_all(self.pool())
        .await?;
        rows.into_iter().map(view).collect()
    }

    /// Saves a view for who orders it. A shared one is on record: others work by it.
    pub async fn save_view(
        &self,
        body: &SavedViewBody,
        order: &Order,
    ) -> Result<SavedView, StoreError> {
        let name = body.name.trim();
        check(name, body)?;
        let mut transaction = self.pool().begin().await?;
        let others: i64 = sqlx::query_scalar(
            "select count(*) from highwater.saved_views where owner = $1 and not (page = $2 and name = $3)",
        )
        .bind(&order.actor)
        .bind(body.page.as_str())
        .bind(name)
        .fetch_one(&mut *transaction)
        .await?;
        if others >= OF_AN_OWNER {
            return Err(StoreError::BadView(format!(
                "you have {others} saved views, as many as there may be; remove one first"
            )));
        }
        let row: Row = sqlx::query_as(
            "insert into highwater.saved_views (page, name, query, owner, shared) values ($1, $2, $3, $4, $5)
             on conflict (owner, page, name) do update set query = excluded.query, shared = excluded.shared, saved_at = clock_timestamp()
             returning view_id, page, name, query, owner, shared, saved_at",
        )
        .bind(body.page.as_str())
        .bind(name)
        .bind(&body.query)
        .bind(&order.actor)
        .bind(body.shared)
        .fetch_one(&mut *transaction)
        .await?;
        let saved = view(row)?;
        if saved.shared {
            let after = json!({"page": saved.page, "name": saved.name, "query": saved.query});
            actions::record_of_store(&mut transaction, order, "save_view", json!({}), after)
                .await?;
        }
        transaction.commit().await?;
        Ok(saved)
    }

    /// Removes a view that who orders it has saved, or that is shared; answers whether there was one.
    pub async fn remove_view(&self, id: i64, order: &Order) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let row: Option<Row> = sqlx::query_as(
            "delete from highwater.saved_views where view_id = $1 and (owner = $2 or shared)
             returning view_id, page, name, query, owner, shared, saved_at",
        )
        .bind(id)
        .bind(&order.actor)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        let gone = view(row)?;
        if gone.shared {
            let before = json!({"page": gone.page, "name": gone.name, "query": gone.query, "owner": gone.owner});
            actions::record_of_store(&mut transaction, order, "remove_view", before, json!({}))
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

fn check(name: &str, body: &SavedViewBody) -> Result<(), StoreError> {
    let characters = name.chars().count();
    if !(1..=NAME_CHARS).contains(&characters) || name.chars().any(char::is_control) {
        return Err(StoreError::BadView(format!(
            "a view's name has 1 to {NAME_CHARS} characters on one line; {name:?} is none"
        )));
    }
    let query = &body.query;
    if query.len() > QUERY_BYTES {
        return Err(StoreError::BadView(format!(
            "the page's query has {} bytes; a saved view has up to {QUERY_BYTES}",
            query.len()
        )));
    }
    if query.starts_with('?') || query.contains('#') || query.chars().any(char::is_control) {
        return Err(StoreError::BadView(
            "query is what stands behind the ? of the page's address, percent-encoded".to_owned(),
        ));
    }
    Ok(())
}
