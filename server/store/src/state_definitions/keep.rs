//! The definitions that the store has.

use highwater_model::{KeptStateDefinition, StateDefinition};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::set_up;
use crate::read_models::definer::take_turns;
use crate::read_models::{Order, ReadModelError, actions};
use crate::{Store, StoreError};

/// Definitions that are listed; a store has about as many as it has categories.
const LISTED: i64 = 1_000;

/// One text of a category's definition: another text has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateDefinitionId(pub(super) i64);

type Row = (
    String,
    i64,
    String,
    Option<String>,
    String,
    jiff_sqlx::Timestamp,
);

fn kept(
    (category, id, text, describe, actor, set_at): Row,
) -> (StateDefinitionId, KeptStateDefinition) {
    let definition = KeptStateDefinition {
        category,
        text,
        describe,
        actor,
        set_at: set_at.to_jiff(),
    };
    (StateDefinitionId(id), definition)
}

impl Store {
    /// The definition of a category, if it has one.
    pub async fn state_definition(
        &self,
        category: &str,
    ) -> Result<Option<(StateDefinitionId, KeptStateDefinition)>, StoreError> {
        Ok(self.kept_definitions(Some(category)).await?.pop())
    }

    /// All definitions, by category; 1,000 at most.
    pub async fn state_definitions(&self) -> Result<Vec<KeptStateDefinition>, StoreError> {
        let kept = self.kept_definitions(None).await?;
        Ok(kept.into_iter().map(|(_, kept)| kept).collect())
    }

    async fn kept_definitions(
        &self,
        category: Option<&str>,
    ) -> Result<Vec<(StateDefinitionId, KeptStateDefinition)>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select category, definition_id, definition, describe, actor, set_at from highwater.state_definitions
             where ($1::text is null or category = $1) order by category limit $2",
        )
        .bind(category)
        .bind(LISTED)
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(kept).collect())
    }

    /// Takes in a definition, on record; the text that is there already changes nothing. Its SQL is checked: an error says where.
    pub async fn set_state_definition(
        &self,
        definition: &StateDefinition,
        order: &Order,
    ) -> Result<KeptStateDefinition, ReadModelError> {
        let category = definition.category.as_str();
        let before = self.state_definition(category).await?;
        if let Some((_, before)) = &before
            && before.text == definition.text
        {
            return Ok(before.clone());
        }
        let mut session = self.definer().await?;
        let owner = set_up::owner(&mut session).await?;
        let mut transaction = take_turns(&mut session).await?;
        let id = set_up::make(&mut transaction, definition, &owner).await?;
        forget(&mut transaction, category).await?;
        sqlx::query(
            "insert into highwater.state_definitions (category, definition_id, definition, describe, actor) values ($1, $2, $3, $4, $5)",
        )
        .bind(category)
        .bind(id.0)
        .bind(&definition.text)
        .bind(&definition.describe)
        .bind(&order.actor)
        .execute(&mut *transaction)
        .await?;
        let was = before.map(|(_, before)| before.text);
        actions::record_of_store(
            &mut transaction,
            order,
            "state_definition",
            json!({"category": category, "definition": was}),
            json!({"category": category, "definition": definition.text}),
        )
        .await?;
        transaction.commit().await?;
        let set = self.state_definition(category).await?;
        let set = set.map(|(_, definition)| definition);
        set.ok_or_else(|| {
            ReadModelError::Refused(format!(
                "the definition of {category} was taken back by somebody else meanwhile"
            ))
        })
    }

    /// Takes a category's definition back, on record; answers whether there was one.
    pub async fn remove_state_definition(
        &self,
        category: &str,
        order: &Order,
    ) -> Result<bool, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        let Some(text) = forget(&mut transaction, category).await? else {
            return Ok(false);
        };
        actions::record_of_store(
            &mut transaction,
            order,
            "state_definition",
            json!({"category": category, "definition": text}),
            json!({"category": category, "definition": null}),
        )
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Deletes a definition with its function; answers its text.
async fn forget(
    connection: &mut sqlx::PgConnection,
    category: &str,
) -> Result<Option<String>, ReadModelError> {
    let gone: Option<(i64, String)> = sqlx::query_as(
        "delete from highwater.state_definitions where category = $1 returning definition_id, definition",
    )
    .bind(category)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((id, text)) = gone else {
        return Ok(None);
    };
    sqlx::raw_sql(AssertSqlSafe(format!(
        "drop function if exists {}",
        set_up::signature(StateDefinitionId(id))
    )))
    .execute(connection)
    .await?;
    Ok(Some(text))
}
