//! Samples how far read models are behind: each second while something moves, seldom when nothing does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use highwater_model::Position;
use highwater_store::StoreError;
use highwater_store::read_models::LagSample;
use tokio_util::sync::CancellationToken;

use super::Inner;

const BUSY: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(10);
const PRUNE: Duration = Duration::from_mins(1);

/// One server keeps the history; each may be asked to look for those who watch it.
pub(super) async fn run(inner: Arc<Inner>, token: CancellationToken) {
    let mut kept = Instant::now();
    let mut pruned = Instant::now();
    let mut clock_seen = Instant::now();
    let mut last: (Position, Vec<LagSample>) = (Position::ZERO, Vec::new());
    let mut failing = false;
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(BUSY) => {}
        }
        let keeps = inner.samples.load(Ordering::Relaxed);
        let watched = inner.lag.receiver_count() > 0;
        let head = *inner.store.wake().borrow();
        let moves = head != last.0 || last.1.iter().any(|sample| sample.lag.positions > 0);
        if !(keeps || watched) || !(moves || kept.elapsed() >= QUIET) {
            continue;
        }
        let sampled = async {
            let samples = inner.store.lag_samples(None).await?;
            if keeps {
                inner
                    .store
                    .keep_lag(inner.store.clock().now(), &samples)
                    .await?;
                if pruned.elapsed() >= PRUNE {
                    inner.store.prune_lag().await?;
                    pruned = Instant::now();
                }
                if clock_seen.elapsed() >= QUIET {
                    inner.store.follow_clock_back().await?;
                    clock_seen = Instant::now();
                }
            }
            Ok::<_, StoreError>(samples)
        };
        match sampled.await {
            Ok(samples) => {
                failing = false;
                kept = Instant::now();
                inner.lag.send_replace(Arc::from(samples.as_slice()));
                last = (head, samples);
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "read models: their lag could not be sampled");
                }
                failing = true;
            }
        }
    }
}
