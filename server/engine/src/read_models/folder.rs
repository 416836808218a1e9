//! Definitions from a folder: `NAME.sql` is the read model NAME, or says that it is the state of a category.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use highwater_model::{Definition, StateDefinition};
use highwater_store::read_models::{Order, ReadModelError};
use tokio_util::sync::CancellationToken;

use super::Inner;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What tells that a file has changed.
type Stamp = (SystemTime, u64);

/// Takes in every definition, and again when its file changes. A file that goes away leaves its read model as it is.
pub(super) async fn watch(inner: Arc<Inner>, folder: PathBuf, token: CancellationToken) {
    let mut taken: BTreeMap<String, Stamp> = BTreeMap::new();
    loop {
        match files(&folder).await {
            Ok(files) => {
                inner.forget_problems(|name| files.contains_key(name));
                for (name, (path, stamp)) in files {
                    if taken.get(&name) == Some(&stamp) {
                        continue;
                    }
                    if take(&inner, &name, &path).await {
                        taken.insert(name, stamp);
                    }
                }
            }
            Err(error) => inner.problem(
                "",
                Some(format!("{} can't be read: {error}", folder.display())),
            ),
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn files(folder: &Path) -> std::io::Result<BTreeMap<String, (PathBuf, Stamp)>> {
    let mut found = BTreeMap::new();
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        if let (Some(name), true) = (name, path.extension().is_some_and(|end| end == "sql")) {
            let facts = entry.metadata().await?;
            let stamp = (facts.modified()?, facts.len());
            found.insert(name.to_owned(), (path.clone(), stamp));
        }
    }
    Ok(found)
}

/// True when the file needs no other look before it changes.
async fn take(inner: &Inner, name: &str, path: &Path) -> bool {
    let text = match tokio::fs::read_to_string(path).await {
        Ok(text) => text,
        Err(error) => {
            inner.problem(name, Some(error.to_string()));
            return false;
        }
    };
    match define(inner, name, &text, path).await {
        Ok(()) => {
            tracing::info!(file = %path.display(), "definition taken in");
            inner.problem(name, None);
            true
        }
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "definition refused");
            inner.problem(name, Some(error.to_string()));
            // The database may answer the next time; the text will not be better.
            !matches!(error, ReadModelError::Store(_))
        }
    }
}

/// Takes in a text, which says itself what it defines.
async fn define(inner: &Inner, name: &str, text: &str, path: &Path) -> Result<(), ReadModelError> {
    let order = Order::new("folder", Some("its file changed"));
    if StateDefinition::is_one(text) {
        let definition = StateDefinition::parse(text)?;
        let set = inner.store.set_state_definition(&definition, &order).await;
        return set.map(drop);
    }
    let definition = Definition::parse(name, text)?;
    let source = path.display().to_string();
    inner.define(&definition, &source, &order).await.map(drop)
}
