//! Whether the store is well: each check with what was found and what to do. The page and `highwater doctor` tell the same.

mod database;
mod log;
mod work;

use highwater_model::StoreCheck;
use highwater_store::StoreError;

use crate::disk;
use crate::state::AppState;

/// All checks; the worst first.
pub(crate) async fn all(state: &AppState) -> Result<Vec<StoreCheck>, StoreError> {
    let facts = state.store.facts().await?;
    let health = state.store.database_health().await?;
    let sizes = state.store.sizes().await?;
    let read_models = state.store.read_models().await?;
    let mut checks = vec![
        StoreCheck::good(
            "database",
            format!(
                "{}, schema version {}, {} MiB",
                facts.postgres,
                facts.schema_version,
                facts.database_bytes >> 20
            ),
        ),
        log::mark(&facts),
        log::feed(&state.feed.health()),
        database::writes(&health, state.store.refusal()),
        database::durability(&health),
        database::connections(&health),
        database::transactions(&health),
        database::long_transaction(&health),
        database::indexes(&health),
        log::statistics(&facts, &health),
        database::slots(&health),
        log::counts(&health),
        database::rights(&facts),
        database::roles(&facts),
        work::folder(state),
        work::running(&read_models),
        work::maintenance(state.store.maintenance().await?.as_ref()),
        work::subscriptions(&state.store.subscriptions().await?),
        work::flows(&state.store.late_flows().await?),
    ];
    if let Some(data_dir) = state.data_dir.clone() {
        let per_day = facts.events_bytes / facts.events.max(1) * sizes.events_last_day;
        let per_day = u64::try_from(per_day).unwrap_or(0);
        checks.extend(tokio::task::spawn_blocking(move || disk::check(&data_dir, per_day)).await);
    }
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    Ok(checks)
}
