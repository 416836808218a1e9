//! `highwater import`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use flate2::read::MultiGzDecoder;
use futures_util::TryStreamExt;
use highwater_model::{ImportProgress, ImportSummary, Problem};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Client};
use tokio::io::AsyncBufReadExt;
use tokio::signal::ctrl_c;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

use super::client::ServerArgs;
use super::output;
use super::patience::{Answer, Patience, answer_of};

/// How much is read at once.
const BLOCK: usize = 64 << 10;
/// How many blocks may wait for the network; more would only be memory.
const BLOCKS: usize = 8;

/// `highwater import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// An .ndjson or .ndjson.gz file, a line an event with its stream; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

/// How much of the file was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Whole,
    /// Up to the end of a line: the server stopped with a reason of its own, or the user did.
    Part,
}

/// Imports. Lines that are there already are skipped, so an import that was stopped is simply run again.
///
/// The first Ctrl-C ends the file early, so that the server can say what it has recorded; the second one doesn't wait for that.
pub async fn run(args: ImportArgs) -> anyhow::Result<()> {
    let bar = bar(&args.file);
    let stopping = CancellationToken::new();
    let importing = import(&args, &bar, &stopping);
    tokio::pin!(importing);
    tokio::select! {
        done = &mut importing => return done,
        asked = ctrl_c() => asked?,
    }
    stopping.cancel();
    bar.set_message(
        "stopping; the server still records what was sent (Ctrl-C again leaves at once)",
    );
    tokio::select! {
        done = &mut importing => done,
        asked = ctrl_c() => {
            asked?;
            bar.abandon();
            bail!("left before the server said what it recorded; run the same command again, it goes on where it stopped")
        }
    }
}

async fn import(
    args: &ImportArgs,
    bar: &ProgressBar,
    stopping: &CancellationToken,
) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut patience = Patience::default();
    loop {
        match attempt(&client, args, bar, stopping).await? {
            Done::Imported => return Ok(()),
            // What came through standard input or a pipe is gone.
            Done::Later(why, _) if !is_kept(&args.file) => bail!("{why}"),
            Done::Later(why, seconds) => patience.wait(&why, seconds).await?,
        }
        bar.reset();
    }
}

/// Whether it can be read again.
fn is_kept(file: &Path) -> bool {
    file.as_os_str() != "-" && std::fs::metadata(file).is_ok_and(|meta| meta.is_file())
}

/// What became of an attempt.
enum Done {
    Imported,
    /// The server is full, took nothing, and named the seconds after which it may take more.
    Later(Problem, u64),
}

async fn attempt(
    client: &Client,
    args: &ImportArgs,
    bar: &ProgressBar,
    stopping: &CancellationToken,
) -> anyhow::Result<Done> {
    let (send, blocks) = mpsc::channel(BLOCKS);
    let (file, reading, stopped) = (args.file.clone(), bar.clone(), stopping.clone());
    // Reading and unpacking block, so they have a thread of their own; it ends when the request drops the channel.
    let reader = tokio::task::spawn_blocking(move || read(&file, &reading, &stopped, &send));
    let request = client
        .post(args.server.call(&["api", "import"])?)
        .header(CONTENT_TYPE, "application/x-ndjson");
    let sent = request
        .body(Body::wrap_stream(ReceiverStream::new(blocks)))
        .send()
        .await;
    let response = match sent {
        Ok(response) => match answer_of(response).await? {
            Answer::Taken(response) => response,
            Answer::Later(why, seconds) => {
                // The reader ends by itself, as nobody takes what it reads.
                return Ok(Done::Later(why, seconds));
            }
        },
        Err(error) => {
            bar.abandon();
            // A file that can't be read ends the request, and is the better reason.
            if !error.is_connect() {
                reader.await??;
            }
            return Err(args.server.unreachable(&error));
        }
    };
    let mut lines =
        StreamReader::new(response.bytes_stream().map_err(std::io::Error::other)).lines();
    let last = loop {
        let line = lines.next_line().await.context(
            "the connection broke off; run the same command again, it goes on where it stopped",
        )?;
        let Some(line) = line else { break None };
        // The first line that is no progress is the last one; the server may go on taking a file that it has refused.
        let Ok(progress) = serde_json::from_str::<ImportProgress>(&line) else {
            break Some(line);
        };
        if !stopping.is_cancelled() {
            bar.set_message(format!(
                "{} imported, {} there already",
                progress.imported, progress.skipped
            ));
        }
        if !output::for_people() {
            output::json(&progress)?;
        }
    };
    let summary = finish(bar, last.as_deref())?;
    if reader.await?? == Sent::Part {
        bail!(
            "stopped; {} events were imported, {} were there already. Run the same command again, it goes on where it stopped.",
            summary.imported,
            summary.skipped
        );
    }
    Ok(Done::Imported)
}

/// Shows the last line of the answer, or fails with the problem that it is.
fn finish(bar: &ProgressBar, last: Option<&str>) -> anyhow::Result<ImportSummary> {
    let last = last.unwrap_or_default();
    // The summary has fields that progress lacks, a problem has others; so the order of these attempts doesn't matter.
    if let Ok(problem) = serde_json::from_str::<Problem>(last) {
        bar.abandon();
        let facts = |name: &str| {
            problem
                .facts
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0)
        };
        let advice = if problem.status < 500 {
            "Mend the line and run the same command again."
        } else {
            "Run the same command again, it goes on where it stopped."
        };
        bail!(
            "{}\n{} events were imported before it and stay, {} were there already. {advice}",
            problem,
            facts("imported"),
            facts("skipped")
        );
    }
    let Ok(summary) = serde_json::from_str::<ImportSummary>(last) else {
        bar.abandon();
        bail!("the answer broke off; run the same command again, it goes on where it stopped");
    };
    bar.finish_and_clear();
    if !output::for_people() {
        output::json(&summary)?;
        return Ok(summary);
    }
    let place = match (summary.first_position, summary.last_position) {
        (Some(first), Some(last)) => format!(", positions {first} to {last}"),
        _ => String::new(),
    };
    output::line(&format!(
        "{} events imported{place}; {} were there already",
        summary.imported, summary.skipped
    ))?;
    Ok(summary)
}

fn read(
    file: &Path,
    bar: &ProgressBar,
    stopping: &CancellationToken,
    send: &mpsc::Sender<std::io::Result<Vec<u8>>>,
) -> anyhow::Result<Sent> {
    let result = read_blocks(file, bar, stopping, send);
    if let Err(error) = &result {
        // The request ends with an error instead of looking whole.
        let _: Result<_, _> = send.blocking_send(Err(std::io::Error::other(error.to_string())));
    }
    result
}

fn read_blocks(
    file: &Path,
    bar: &ProgressBar,
    stopping: &CancellationToken,
    send: &mpsc::Sender<std::io::Result<Vec<u8>>>,
) -> anyhow::Result<Sent> {
    let source: Box<dyn std::io::Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let opened =
            std::fs::File::open(file).with_context(|| format!("can't read {}", file.display()))?;
        Box::new(bar.wrap_read(opened))
    };
    let mut source: Box<dyn std::io::Read> =
        if file.extension().is_some_and(|ending| ending == "gz") {
            Box::new(MultiGzDecoder::new(source))
        } else {
            source
        };
    loop {
        let mut block = vec![0; BLOCK];
        let length = source
            .read(&mut block)
            .with_context(|| format!("can't read {}", file.display()))?;
        if length == 0 {
            return Ok(Sent::Whole);
        }
        block.truncate(length);
        let line_end = block.iter().position(|byte| *byte == b'\n');
        let last = line_end.filter(|_| stopping.is_cancelled());
        if let Some(end) = last {
            block.truncate(end + 1);
        }
        // Nobody wants more when the server has stopped with a reason of its own.
        if send.blocking_send(Ok(block)).is_err() || last.is_some() {
            return Ok(Sent::Part);
        }
    }
}

/// Progress by bytes of the file as it lies on the disk; hidden when standard error is no terminal.
fn bar(file: &Path) -> ProgressBar {
    let bytes = std::fs::metadata(file)
        .map(|meta| meta.len())
        .ok()
        .filter(|_| is_kept(file));
    let (bar, template) = match bytes {
        Some(bytes) => (
            ProgressBar::new(bytes),
            "{bar:32} {percent}% {binary_bytes_per_sec} ETA {eta}  {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {elapsed}  {msg}"),
    };
    bar.enable_steady_tick(Duration::from_millis(100));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
