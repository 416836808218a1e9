//! `highwater backup`: an archive of Highwater's own database, while a server runs on it or none does.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use highwater_postgres::backup::{BackupWriter, End, FORMAT, Manifest, Source, Written};
use highwater_store::Clock;
use highwater_store::backup::FileBackup;
use serde_json::json;

use super::client::block_on;
use super::output;

/// `highwater backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The archive to write, a tar
    #[arg(value_name = "FILE.tar")]
    file: PathBuf,
    /// Where Highwater's own Postgres keeps its data
    #[arg(long, value_name = "DIR", env = "HIGHWATER_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Replaces the file if there is one
    #[arg(long)]
    force: bool,
}

/// Takes a backup.
///
/// Not async itself: a Postgres that is started for it dies with the thread that starts it.
pub fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let data_dir = args
        .data_dir
        .clone()
        .unwrap_or_else(highwater_postgres::default_data_dir);
    let writer = BackupWriter::create(&args.file, &data_dir, args.force)?;
    let source = Source::open(&data_dir, &mut notice)?;
    let url = source.url();
    let mut taken = None;
    let done = block_on(async {
        taken = Some(take(writer, &url).await?);
        Ok(())
    });
    source.close();
    done?;
    taken.map_or(Ok(()), |(manifest, written)| {
        tell(args, &manifest, &written)
    })
}

/// What the start of a Postgres says on the way.
pub(super) fn notice(text: &str) {
    eprintln!("highwater: {text}");
}

async fn take(mut writer: BackupWriter, url: &str) -> anyhow::Result<(Manifest, Written)> {
    let begun = FileBackup::begin(url).await;
    let mut backup = begun.context("the backup did not begin")?;
    writer.copy_data()?;
    let end = backup.end().await;
    let end = end.context("the backup was cut off; is its server still there?")?;
    // The connection keeps the log until it is copied.
    writer.copy_log(&End {
        label: end.label,
        stop: end.stop,
        segment_bytes: u64::try_from(end.segment_bytes)?,
    })?;
    backup.close().await?;
    // `15.18 (Debian …)`, `18beta1`.
    let major: String = end
        .postgres
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let manifest = Manifest {
        format: FORMAT,
        highwater: env!("CARGO_PKG_VERSION").to_owned(),
        postgres_major: major
            .parse()
            .with_context(|| format!("PostgreSQL {} has no major version", end.postgres))?,
        postgres: end.postgres,
        schema_version: end.schema_version,
        position: end.position.0,
        taken_at: Clock.now().to_string(),
    };
    let written = writer.finish(&manifest)?;
    Ok((manifest, written))
}

fn tell(args: &BackupArgs, manifest: &Manifest, written: &Written) -> anyhow::Result<()> {
    let Written { bytes, files } = written;
    if !output::for_people() {
        return output::json(&json!({
            "file": args.file.display().to_string(),
            "bytes": bytes,
            "files": files,
            "manifest": manifest,
        }));
    }
    output::line(&format!(
        "{}: every event up to position {}, {} MiB in {files} files, read back and whole",
        args.file.display(),
        manifest.position,
        bytes.div_ceil(1 << 20)
    ))
}
