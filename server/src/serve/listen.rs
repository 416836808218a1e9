//! Where it listens.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, bail};
use highwater_model::LoginMode;

/// How many ports after 3000 are tried when nobody named one.
const PORTS: u16 = 20;

/// The address that was named or the first free one of loopback.
pub(super) fn listen(named: Option<SocketAddr>, login: LoginMode) -> anyhow::Result<TcpListener> {
    let listener = match named {
        Some(address) if login == LoginMode::Local && !address.ip().is_loopback() => bail!(
            "{address} is not a loopback address, and without a login everybody who reaches the server is its admin; \
             start it with --login=password or --login=oidc, or listen on 127.0.0.1 and reach it from elsewhere through an SSH tunnel."
        ),
        Some(address) => TcpListener::bind(address)
            .with_context(|| format!("can't listen on {address}; is another Highwater running? --listen takes another port"))?,
        None => first_free()?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn first_free() -> anyhow::Result<TcpListener> {
    for port in 3000..3000 + PORTS {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            bound => return bound.with_context(|| format!("can't listen on 127.0.0.1:{port}")),
        }
    }
    bail!(
        "ports 3000 to {} are all in use; name another one with --listen 127.0.0.1:PORT",
        3000 + PORTS - 1
    )
}
