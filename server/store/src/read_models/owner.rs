//! The role that owns a read model's tables and runs its SQL; state definitions have one for all of them.

use sqlx::PgConnection;

use super::ReadModelError;
use crate::{Store, StoreError};

/// A name in an SQL statement.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What the database lets Highwater do for SQL read models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRights {
    /// It may create the roles that they need.
    pub creates_roles: bool,
    /// It may create their schemas.
    pub creates_schemas: bool,
    /// What an administrator would run to change that; empty when nothing is missing.
    pub statements: Vec<String>,
}

impl Store {
    /// What the database lets Highwater do for SQL read models. Without the right to create roles, each new read model asks for its
    /// own; these statements allow all of them.
    pub async fn owner_rights(&self) -> Result<OwnerRights, StoreError> {
        let (creates_roles, creates_schemas, user, database): (bool, bool, String, String) =
            sqlx::query_as(
                "select rolsuper or rolcreaterole, has_database_privilege(current_database(), 'create'), current_user::text, current_database()::text
                 from pg_roles where rolname = current_user",
            )
            .fetch_one(self.pool())
            .await?;
        let mut statements = Vec::new();
        if !creates_roles {
            statements.push(format!("alter role {} createrole;", quoted(&user)));
        }
        if !creates_schemas {
            statements.push(grant_create(&database, &user));
        }
        Ok(OwnerRights {
            creates_roles,
            creates_schemas,
            statements,
        })
    }
}

fn grant_create(database: &str, user: &str) -> String {
    format!(
        "grant create on database {} to {};",
        quoted(database),
        quoted(user)
    )
}

/// The name of a read model's owner. Roles belong to the whole server, so the database is part of it (63 bytes at most).
pub(super) async fn name(
    connection: &mut PgConnection,
    read_model: &str,
) -> Result<String, StoreError> {
    let database: String =
        sqlx::query_scalar("select oid::text from pg_database where datname = current_database()")
            .fetch_one(connection)
            .await?;
    Ok(format!("hw_{database}_{read_model}"))
}

/// Makes sure that the owner is there and that Highwater may act for it; answers its name.
pub(crate) async fn ensure(
    connection: &mut PgConnection,
    read_model: &str,
) -> Result<String, ReadModelError> {
    let owner = name(&mut *connection, read_model).await?;
    let (superuser, creates, schemas, user, database): (bool, bool, bool, String, String) = sqlx::query_as(
        "select rolsuper, rolsuper or rolcreaterole, has_database_privilege(current_database(), 'create'), current_user::text, current_database()::text
         from pg_roles where rolname = current_user",
    )
    .fetch_one(&mut *connection)
    .await?;
    let member: Option<bool> = sqlx::query_scalar(
        "select pg_has_role(r.oid, 'usage') from pg_roles r where r.rolname = $1",
    )
    .bind(&owner)
    .fetch_optional(&mut *connection)
    .await?;
    let create = format!("create role {} nologin;", quoted(&owner));
    let grant = format!("grant {} to {};", quoted(&owner), quoted(&user));
    let mut missing = Vec::new();
    if member.is_none() {
        missing.push(create);
    }
    if !superuser && member != Some(true) {
        missing.push(grant);
    }
    if schemas && (creates || missing.is_empty()) {
        for statement in missing {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut *connection)
                .await?;
        }
        return Ok(owner);
    }
    if creates {
        missing.clear();
    }
    if !schemas {
        missing.push(grant_create(&database, &user));
    }
    Err(ReadModelError::NeedsAdministrator {
        statements: missing,
    })
}
