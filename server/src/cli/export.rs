//! `highwater export`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::client::{ServerArgs, expect_success};

/// `highwater export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The filter line: type:OrderPlaced stream:order-* since:15m
    filter: Vec<String>,
    /// Where to write, standard output unless given
    #[arg(long, short, value_name = "FILE", env = "HIGHWATER_OUTPUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Writes the log.
pub async fn run(args: ExportArgs) -> anyhow::Result<()> {
    let mut url = args.server.call(&["api", "export"])?;
    if !args.filter.is_empty() {
        url.query_pairs_mut()
            .append_pair("filter", &args.filter.join(" "));
    }
    let request = args.server.client()?.get(url);
    let response = expect_success(
        request
            .send()
            .await
            .map_err(|error| args.server.unreachable(&error))?,
    )
    .await?;
    let mut out: Box<dyn AsyncWrite + Unpin> = match &args.output {
        Some(path) => Box::new(
            tokio::fs::File::create(path)
                .await
                .with_context(|| format!("can't write {}", path.display()))?,
        ),
        None => Box::new(tokio::io::stdout()),
    };
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context("the export broke off; what was written is not whole")?;
        out.write_all(&chunk).await?;
    }
    out.flush().await?;
    Ok(())
}
