//! The live feed's WebSocket, as a client speaks it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// An open one.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// How long a server that has something to say may take to say it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to a server.
pub(crate) async fn open(address: &str) -> Result<Socket, Error> {
    open_as(address, None).await
}

/// Connects to a server with a login.
pub(crate) async fn open_as(address: &str, token: Option<&str>) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/api/live").into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "highwater.v1".parse().unwrap());
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
    }
    Ok(connect_async(request).await?.0)
}

/// Says something.
pub(crate) async fn say(socket: &mut Socket, message: &Value) -> Result<(), Error> {
    socket.send(Message::text(message.to_string())).await
}

/// The next message of the server; none when it closed in order.
pub(crate) async fn hear(socket: &mut Socket) -> Result<Option<Value>, Error> {
    loop {
        let said = tokio::time::timeout(PATIENCE, socket.next())
            .await
            .expect("the server went silent");
        match said.transpose()? {
            Some(Message::Text(text)) => return Ok(Some(serde_json::from_str(&text).unwrap())),
            None | Some(Message::Close(_)) => return Ok(None),
            Some(_) => {}
        }
    }
}

/// Subscribes to what is recorded from now on, as feed 1; answers the position that this is after.
pub(crate) async fn subscribe_at_head(socket: &mut Socket) -> Result<i64, Error> {
    let subscribe = json!({"subscribe": "events", "id": 1, "after": "head"});
    say(socket, &subscribe).await?;
    loop {
        // The feed may be a moment behind what this server has answered: that comes first.
        let message = hear(socket).await?.ok_or(Error::ConnectionClosed)?;
        if let Some(position) = message["caught_up"].as_i64() {
            return Ok(position);
        }
    }
}
