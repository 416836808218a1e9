//! The live feed's WebSocket, opened by the HTTP client: so what that is told of tokens and certificates counts here as well.

use anyhow::{bail, ensure};
use highwater_model::live::SUBPROTOCOL;
use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::client::{ServerArgs, expect_success};

/// An open live feed.
pub(super) type Socket = WebSocketStream<Upgraded>;

/// Opens it.
pub(super) async fn open(server: &ServerArgs) -> anyhow::Result<Socket> {
    let key = generate_key();
    let request = server
        .client()?
        .get(server.call(&["api", "live"])?)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    let response = request.send().await;
    let response = response.map_err(|error| server.unreachable(&error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        expect_success(response).await?;
        bail!("{} opens no live feed; is it a Highwater?", server.url);
    }
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
    ensure!(
        accepted
            .is_some_and(|found| found.as_bytes() == derive_accept_key(key.as_bytes()).as_bytes()),
        "what answers at {} speaks no WebSocket; is it a Highwater?",
        server.url
    );
    let stream = response.upgrade().await?;
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
}
