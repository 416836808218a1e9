//! Tells webhooks what waits in the store to be told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use highwater_model::TRACES;
use highwater_store::Store;
use highwater_store::alerts::DueTelling;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::webhook::{Webhooks, address};

/// Messages that are on their way at the same time, each to another rule's webhook.
const AT_ONCE: u8 = 8;
/// How often it is looked for what is due again, and for what other servers have found.
const EVERY: Duration = Duration::from_secs(2);

/// Tells until it is to end. What is on its way then is waited for: given up, it would be told twice.
pub(super) async fn run(
    store: Store,
    webhooks: Arc<Webhooks>,
    news: Arc<Notify>,
    token: CancellationToken,
) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            () = news.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        while !token.is_cancelled() {
            match store.take_due_tellings(i64::from(AT_ONCE)).await {
                Ok(due) if due.is_empty() => {
                    failing = false;
                    break;
                }
                Ok(due) => {
                    let tell = |telling: DueTelling| {
                        let (store, webhooks) = (store.clone(), Arc::clone(&webhooks));
                        async move { tell(&store, &webhooks, &telling).await }
                    };
                    let at_once = usize::from(AT_ONCE);
                    stream::iter(due).for_each_concurrent(at_once, tell).await;
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "alerts: it could not be looked up what is to be told");
                    }
                    failing = true;
                    break;
                }
            }
        }
    }
}

async fn tell(store: &Store, webhooks: &Webhooks, telling: &DueTelling) {
    let noted = match send(webhooks, telling).await {
        Ok(()) => store.note_told(telling.id).await,
        Err(why) => {
            if telling.attempts == 1 {
                tracing::warn!(rule = telling.rule, %why, "an alert could not be told; it is tried again, and its page says how that goes");
            }
            store.note_untold(telling.id, &why).await
        }
    };
    if let Err(error) = noted {
        // It is sent again in half a minute, with the same id.
        tracing::debug!(%error, rule = telling.rule, "that an alert was told could not be kept");
    }
}

/// Sends a message; why it was not taken.
async fn send(webhooks: &Webhooks, telling: &DueTelling) -> Result<(), String> {
    let webhook = address(&telling.webhook).map_err(|fault| fault.to_string())?;
    let secret = telling.secret.as_deref();
    let span = info_span!(
        target: TRACES,
        "alert.tell",
        otel.kind = "client",
        highwater.rule = telling.rule.as_str(),
    );
    let told = webhooks.tell(&webhook, secret, &telling.body);
    match told.instrument(span).await {
        Ok(said) if said.taken => Ok(()),
        Ok(said) => Err(said.status_words),
        Err(error) => Err(error.to_string()),
    }
}
