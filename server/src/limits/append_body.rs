//! The body of an append, read where there is room for it.

use std::sync::Arc;

use axum::body::BodyDataStream;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use highwater_model::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refused::drain;
use super::{KIB, body_stopped, has_stopped, overloaded};
use crate::api::problem::{ApiError, ApiResult};
use crate::state::AppState;

/// What a request may hold beside its events' data and metadata: names, quotes, white space.
const FRAME_BYTES: usize = 4 << 20;

/// The body, and its share of the room for all of them, to be kept until the append is answered. What is said to come is taken at once, so
/// that who would find none later is refused before anything of it is kept; what comes without a length is counted as it comes.
pub(crate) async fn append_body(
    request: Request,
    state: &AppState,
) -> ApiResult<(Bytes, OwnedSemaphorePermit)> {
    let limit = state.store.limits().append_bytes;
    let most = limit.saturating_add(FRAME_BYTES);
    let said = length(request.headers()).unwrap_or_default();
    let all = &state.limits.append_bytes;
    let share = if said > most {
        Err(too_large())
    } else {
        take(all, units(said.max(1)))
    };
    let body = request.into_body();
    match share {
        Ok(share) => {
            let mut room = Room { all, share, most };
            let body = read(body.into_data_stream(), said, &mut room).await?;
            Ok((body, room.share))
        }
        Err(refusal) => {
            drain(body).await;
            Err(refusal)
        }
    }
}

/// What a body may take.
struct Room<'a> {
    all: &'a Arc<Semaphore>,
    share: OwnedSemaphorePermit,
    most: usize,
}

impl Room<'_> {
    /// So many bytes have come.
    fn hold(&mut self, bytes: usize) -> ApiResult<()> {
        if bytes > self.most {
            return Err(too_large());
        }
        let missing = units(bytes).saturating_sub(self.share.num_permits());
        if missing > 0 {
            self.share.merge(take(self.all, missing)?);
        }
        Ok(())
    }
}

async fn read(mut stream: BodyDataStream, said: usize, room: &mut Room<'_>) -> ApiResult<Bytes> {
    let (mut first, mut whole, mut bytes) = (Bytes::new(), None::<BytesMut>, 0);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| {
            if has_stopped(&error) {
                return ApiError(body_stopped());
            }
            let detail = format!("{error}.");
            ApiError::bad_request("bad_body", "The body could not be read", detail)
        })?;
        bytes += part.len();
        room.hold(bytes)?;
        // Nearly always it comes in one piece, which need not be copied.
        if first.is_empty() {
            first = part;
            continue;
        }
        let whole = whole.get_or_insert_with(|| {
            let mut whole = BytesMut::with_capacity(said.max(bytes));
            whole.extend_from_slice(&first);
            whole
        });
        whole.extend_from_slice(&part);
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

fn take(all: &Arc<Semaphore>, units: usize) -> ApiResult<OwnedSemaphorePermit> {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let share = Arc::clone(all).try_acquire_many_owned(units);
    share.map_err(|_| ApiError(overloaded("More is being appended than there is room for")))
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(KIB)
}

/// What the request says of its length; none when it comes in chunks.
fn length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn too_large() -> ApiError {
    ApiError(Problem::new(
        413,
        "body_too_large",
        "The body is too large",
        "The request is larger than this call takes; split it, or POST it to /api/import.",
    ))
}
