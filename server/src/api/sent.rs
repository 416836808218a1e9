//! What is sent to get in: JSON, or a form of the page, which works without JavaScript.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::extract::{body, json, media_type};
use super::problem::{ApiError, ApiResult};
use crate::state::AppState;

/// A login has no more to say than this.
const BODY_BYTES: usize = 16 << 10;

/// What was sent: as JSON, or by a form.
pub(super) struct Sent<T> {
    pub(super) body: T,
    pub(super) is_form: bool,
    pub(super) headers: HeaderMap,
    pub(super) address: IpAddr,
}

impl<T: DeserializeOwned> Sent<T> {
    pub(super) async fn read(request: Request, state: &AppState) -> ApiResult<Self> {
        let headers = request.headers().clone();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        let address = state.gate.address(peer, &headers);
        let is_form = media_type(&headers) == "application/x-www-form-urlencoded";
        let bytes = body(request, state).await?;
        if bytes.len() > BODY_BYTES {
            return Err(ApiError::bad_request(
                "bad_body",
                "The body is too large",
                format!("A login has {BODY_BYTES} bytes at most."),
            ));
        }
        Ok(Self {
            body: read(&bytes, is_form)?,
            is_form,
            headers,
            address,
        })
    }
}

fn read<T: DeserializeOwned>(bytes: &Bytes, is_form: bool) -> ApiResult<T> {
    if !is_form {
        return json(bytes);
    }
    serde_urlencoded::from_bytes(bytes).map_err(|error| {
        ApiError::bad_request("bad_form", "The form is not right", format!("{error}."))
    })
}
