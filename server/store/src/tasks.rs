//! The one place that starts long-lived tasks.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Long-lived tasks: each has a name, ends with a reason in the log, and is waited for at shutdown.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It should end when [`Tasks::token`] is cancelled.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // A task of its own inside, so that a panic is seen here and told, not swallowed.
        let token = self.token.clone();
        let work = self.tracker.spawn(future);
        self.tracker.spawn(async move {
            match work.await {
                Ok(()) if token.is_cancelled() => tracing::debug!(task = name, "ended at shutdown"),
                Ok(()) => tracing::info!(task = name, "ended"),
                Err(error) => tracing::error!(task = name, %error, "ended badly"),
            }
        });
    }

    /// Cancelled when everything should end.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Asks every task to end and waits until they have.
    pub async fn shutdown(&self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
