//! `highwater restore`: a backup as the database of a new data folder.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use highwater_postgres::backup::{Restored, restore};
use highwater_store::SCHEMA_VERSION;
use highwater_store::backup::newest_position;
use serde_json::json;

use super::backup::notice;
use super::client::block_on;
use super::output;

/// `highwater restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The archive that highwater backup has written
    #[arg(value_name = "FILE.tar")]
    file: PathBuf,
    /// Where its database is to be; a new folder, or an empty one
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// Restores, and starts the database once to see that it does. When that fails, nothing is left of it.
///
/// Not async itself, as `backup`.
pub fn run(args: &RestoreArgs) -> anyhow::Result<()> {
    let restored = restore(&args.file, &args.data_dir, &mut notice)?;
    let position = match try_out(&restored) {
        Ok(position) => position,
        Err(error) => {
            restored.undo();
            return Err(error.context(
                "the backup was unpacked, but its database is not usable; nothing was kept of it",
            ));
        }
    };
    let manifest = &restored.manifest;
    if !output::for_people() {
        return output::json(&json!({
            "data_dir": args.data_dir.display().to_string(),
            "position": position,
            "manifest": manifest,
        }));
    }
    output::line(&format!(
        "restored to position {position}, of the backup of {}; start it: highwater serve --data-dir {}",
        manifest.taken_at,
        args.data_dir.display()
    ))
}

/// Starts the database and stops it; its newest position.
fn try_out(restored: &Restored) -> anyhow::Result<i64> {
    let manifest = &restored.manifest;
    ensure!(
        manifest.schema_version <= SCHEMA_VERSION,
        "its schema has version {}, this Highwater knows {SCHEMA_VERSION}: use Highwater {} or newer",
        manifest.schema_version,
        manifest.highwater
    );
    let postgres = restored.start(&mut notice)?;
    let url = postgres.url();
    let mut position = None;
    let done = block_on(async {
        position = Some(newest_position(&url).await?.0);
        Ok(())
    });
    postgres.stop();
    done?;
    let position = position.context("the database did not say where its log ends")?;
    ensure!(
        position >= manifest.position,
        "its log ends at position {position}, and the backup has all up to {}",
        manifest.position
    );
    Ok(position)
}
