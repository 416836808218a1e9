//! The body of an append, read where there is room for it.

use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use highwater_model::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{KIB, body_stopped, has_stopped, overloaded, refuse};
use crate::api::problem::ApiError;
use crate::state::AppState;

/// What a request may hold beside its events' data and metadata: names, quotes, white space.
const FRAME_BYTES: usize = 4 << 20;

/// The body, and its share of the room for all of them, to be kept until the append is answered; or the refusal. Who says that more comes
/// than there is room for now is refused before anything of it is kept. Room is taken by what has come only: a head alone holds none.
pub(crate) async fn append_body(
    request: Request,
    state: &AppState,
) -> Result<(Bytes, OwnedSemaphorePermit), Box<Response>> {
    let limit = state.store.limits().append_bytes;
    let all = &state.limits.append_bytes;
    let most = limit.saturating_add(FRAME_BYTES);
    let said = length(request.headers()).unwrap_or_default();
    let body = request.into_body();
    let share = if said > most {
        Err(too_large())
    } else if units(said) > all.available_permits() {
        Err(no_room())
    } else {
        take(all, 0)
    };
    let share = match share {
        Ok(share) => share,
        Err(problem) => return Err(Box::new(refuse(problem, body))),
    };
    let mut room = Room { all, share, most };
    let mut coming = body.into_data_stream();
    match read(&mut coming, &mut room).await {
        Ok(body) => Ok((body, room.share)),
        Err(Fault::Broken(problem)) => Err(Box::new(ApiError(problem).into_response())),
        Err(Fault::Refused(problem)) => Err(Box::new(refuse(problem, Body::from_stream(coming)))),
    }
}

/// Why a body was not read to its end.
enum Fault {
    /// Nothing more comes.
    Broken(Problem),
    /// More comes than is taken.
    Refused(Problem),
}

/// What a body may take.
struct Room<'a> {
    all: &'a Arc<Semaphore>,
    share: OwnedSemaphorePermit,
    most: usize,
}

impl Room<'_> {
    /// So many bytes have come.
    fn hold(&mut self, bytes: usize) -> Result<(), Problem> {
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

async fn read(stream: &mut BodyDataStream, room: &mut Room<'_>) -> Result<Bytes, Fault> {
    let (mut first, mut whole, mut bytes) = (Bytes::new(), None::<BytesMut>, 0);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| {
            if has_stopped(&error) {
                return Fault::Broken(body_stopped());
            }
            let (detail, title) = (format!("{error}."), "The body could not be read");
            Fault::Broken(Problem::new(400, "bad_body", title, detail))
        })?;
        bytes += part.len();
        room.hold(bytes).map_err(Fault::Refused)?;
        // Nearly always it comes in one piece, which need not be copied.
        if first.is_empty() {
            first = part;
            continue;
        }
        let whole = whole.get_or_insert_with(|| BytesMut::from(&first[..]));
        whole.extend_from_slice(&part);
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

fn take(all: &Arc<Semaphore>, units: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let share = Arc::clone(all).try_acquire_many_owned(units);
    share.map_err(|_| no_room())
}

fn no_room() -> Problem {
    overloaded("More is being appended than there is room for")
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(KIB)
}

/// What the request says of its length; none when it comes in chunks.
fn length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn too_large() -> Problem {
    Problem::new(
        413,
        "body_too_large",
        "The body is too large",
        "The request is larger than this call takes; split it, or POST it to /api/import.",
    )
}
