//! Masked fields: the rules, read models that hold nothing of them, and what has to be known to tell.

use std::collections::HashMap;

use highwater_model::filter::Glob;
use highwater_model::{MaskCleared, MaskPath, MaskRule, MaskTypes, Role, StreamName};
use serde_json::json;

use super::role;
use crate::filter_sql::escape_like;
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Rules that there may be: each is looked at for each event that somebody reads.
const RULES: i64 = 200;
/// Types whose names are told, at most.
const NAMES: i64 = 10_000;

const COLUMNS: &str = "rule_id, types, path, visible_to, created_by, created_at, reason";

type Row = (
    i64,
    String,
    String,
    String,
    String,
    jiff_sqlx::Timestamp,
    String,
);

fn rule(
    (id, types, path, kept, created_by, created_at, reason): Row,
) -> Result<MaskRule, StoreError> {
    Ok(MaskRule {
        id,
        types,
        path,
        visible_to: role(&kept)?,
        created_by,
        created_at: created_at.to_jiff(),
        reason,
    })
}

type Cleared = (String, String, String, jiff_sqlx::Timestamp);

fn cleared((read_model, by, reason, at): Cleared) -> MaskCleared {
    MaskCleared {
        read_model,
        by,
        reason,
        at: at.to_jiff(),
    }
}

/// The types that each read model handles, or has ever handled: what its rows and errors may tell of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandledTypes(HashMap<String, Vec<Glob>>);

impl HandledTypes {
    /// Those of a read model; of one that is cleared, none that anything is hidden of. None: nobody knows what it handles.
    pub fn of(&self, read_model: &str) -> Option<&[Glob]> {
        self.0.get(read_model).map(Vec::as_slice)
    }
}

impl Store {
    /// The rules, the oldest first.
    pub async fn mask_rules(&self) -> Result<Vec<MaskRule>, StoreError> {
        // All of them: one that is left out hides nothing.
        let sql = format!("select {COLUMNS} from highwater.mask_rules order by rule_id");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(self.pool())
            .await?;
        rows.into_iter().map(rule).collect()
    }

    /// Makes a rule, on record.
    pub async fn add_mask_rule(
        &self,
        types: &MaskTypes,
        path: &MaskPath,
        visible_to: Role,
        order: &Order,
    ) -> Result<MaskRule, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let there: i64 = sqlx::query_scalar("select count(*) from highwater.mask_rules")
            .fetch_one(&mut *transaction)
            .await?;
        if there >= RULES {
            return Err(StoreError::BadMask(format!(
                "there are {there} rules, as many as there may be; let one hide more with *, or remove one first"
            )));
        }
        let sql = format!(
            "insert into highwater.mask_rules (types, path, visible_to, created_by, reason) values ($1, $2, $3, $4, $5)
             on conflict (types, path) do nothing returning {COLUMNS}"
        );
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(types.to_string())
            .bind(path.to_string())
            .bind(visible_to.as_str())
            .bind(&order.actor)
            .bind(order.reason.as_deref().unwrap_or_default())
            .fetch_optional(&mut *transaction)
            .await?;
        let made = row.map(rule).transpose()?.ok_or_else(|| {
            StoreError::BadMask(format!(
                "there is a rule for {path} of {types} already; remove it first to have another role see the field"
            ))
        })?;
        let after = facts(&made);
        actions::record_of_store(&mut transaction, order, "mask", json!({}), after).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Removes a rule, on record; answers whether there was one.
    pub async fn remove_mask_rule(&self, id: i64, order: &Order) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let sql =
            format!("delete from highwater.mask_rules where rule_id = $1 returning {COLUMNS}");
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(gone) = row.map(rule).transpose()? else {
            return Ok(false);
        };
        let before = facts(&gone);
        actions::record_of_store(&mut transaction, order, "unmask", before, json!({})).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Read models that hold nothing that is masked, as somebody has said; by name.
    pub async fn mask_cleared(&self) -> Result<Vec<MaskCleared>, StoreError> {
        let rows: Vec<Cleared> = sqlx::query_as(
            "select read_model, by, reason, at from highwater.mask_cleared order by read_model limit 10000",
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(cleared).collect())
    }

    /// Says that a read model's rows and errors hold nothing that is masked, on record; none when there is no such read model. Another
    /// definition of it takes that back.
    pub async fn clear_of_masks(
        &self,
        read_model: &str,
        order: &Order,
    ) -> Result<Option<MaskCleared>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let row: Option<Cleared> = sqlx::query_as(
            "insert into highwater.mask_cleared (read_model, by, reason) select m.name, $2, $3 from highwater.read_models m where m.name = $1
             on conflict (read_model) do update set by = excluded.by, reason = excluded.reason, at = clock_timestamp()
             returning read_model, by, reason, at",
        )
        .bind(read_model)
        .bind(&order.actor)
        .bind(order.reason.as_deref().unwrap_or_default())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let after = json!({"read_model": read_model});
        actions::record_of_store(&mut transaction, order, "clear_of_masks", json!({}), after)
            .await?;
        transaction.commit().await?;
        Ok(Some(cleared(row)))
    }

    /// Takes that back, on record; answers whether it had been said.
    pub async fn not_clear_of_masks(
        &self,
        read_model: &str,
        order: &Order,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let gone = sqlx::query("delete from highwater.mask_cleared where read_model = $1")
            .bind(read_model)
            .execute(&mut *transaction)
            .await?;
        if gone.rows_affected() == 0 {
            return Ok(false);
        }
        let before = json!({"read_model": read_model});
        actions::record_of_store(
            &mut transaction,
            order,
            "not_clear_of_masks",
            before,
            json!({}),
        )
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The types that each read model handles, or has ever handled.
    pub async fn handled_types(&self) -> Result<HandledTypes, StoreError> {
        let rows: Vec<(String, String, bool)> = sqlx::query_as(
            "select h.read_model, h.type, c.read_model is not null
             from highwater.handled_types h left join highwater.mask_cleared c on c.read_model = h.read_model",
        )
        .fetch_all(self.pool())
        .await?;
        let mut all: HashMap<String, Vec<Glob>> = HashMap::new();
        for (read_model, written, is_cleared) in rows {
            let types = all.entry(read_model).or_default();
            if !is_cleared {
                types.push(Glob::starred(&written));
            }
        }
        Ok(HandledTypes(all))
    }

    /// What event types are called, by name; 10,000 at most.
    pub async fn event_type_names(&self) -> Result<Vec<String>, StoreError> {
        let names = "select name from highwater.event_types order by name limit $1";
        let names = sqlx::query_scalar(names).bind(NAMES);
        Ok(names.fetch_all(self.pool()).await?)
    }

    /// Whether a stream has an event of one of these types.
    pub async fn stream_has_types(
        &self,
        stream: &StreamName,
        types: &[Glob],
    ) -> Result<bool, StoreError> {
        let patterns: Vec<String> = types.iter().map(like).collect();
        // The types first, once: a stream's events are told apart by a number then.
        let found = sqlx::query_scalar(
            "select exists (
               select from highwater.events e
               where e.stream_id = (select s.stream_id from highwater.streams s where s.name = $1)
                 and e.type_id = any (array(select t.type_id from highwater.event_types t where t.name like any ($2))))",
        )
        .bind(stream.as_str())
        .bind(patterns)
        .fetch_one(self.pool())
        .await?;
        Ok(found)
    }
}

/// A pattern for LIKE.
fn like(glob: &Glob) -> String {
    let parts: Vec<String> = glob.parts.iter().map(|part| escape_like(part)).collect();
    parts.join("%")
}

/// What the audit log keeps of a rule.
fn facts(rule: &MaskRule) -> serde_json::Value {
    json!({"rule": rule.id, "types": rule.types, "path": rule.path, "visible_to": rule.visible_to})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_stars_where_the_glob_has_them() {
        assert_eq!(like(&Glob::starred("a_b*%")), "a\\_b%\\%");
    }
}
