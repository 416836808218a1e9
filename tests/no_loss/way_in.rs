//! A way into a network of its own: from a port here to one there, by a socket in the file system, which all networks share. What is cut between the
//! two networks does not cut it.

use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::program::Process;
use crate::support::api::Api;

/// Where the other end listens; without it, it has nothing to do.
const SOCKET: &str = "NO_LOSS_WAY_IN_SOCKET";
/// The address there.
const TO: &str = "NO_LOSS_WAY_IN_TO";

/// It ends with this value.
pub(crate) struct WayIn {
    /// The server there.
    pub(crate) api: Api,
    _accepting: JoinSet<()>,
    _other_end: Process,
    _folder: TempDir,
}

impl WayIn {
    /// To an address in this network. The other end is this test program itself, asked for one ignored test.
    pub(crate) async fn to(network: &str, address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut other_end = Command::new("ip");
        other_end
            .args(["netns", "exec", network])
            .arg(std::env::current_exe().unwrap())
            .args(["way_in::passes_on_until_it_is_killed", "--exact"])
            .args(["--ignored", "--nocapture"])
            .env(SOCKET, &socket)
            .env(TO, address)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let other_end = Process(other_end.spawn().unwrap());
        let mut looks = 0;
        while UnixStream::connect(&socket).await.is_err() {
            looks += 1;
            assert!(looks < 1_000, "the other end does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Api::at(listener.local_addr().unwrap().to_string());
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (mut here, _) = listener.accept().await.unwrap();
                let socket = socket.clone();
                open.spawn(async move {
                    if let Ok(mut there) = UnixStream::connect(socket).await {
                        // It ends when both sides have ended, however they do.
                        let _: Result<_, _> = copy_bidirectional(&mut here, &mut there).await;
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        Self {
            api,
            _accepting: accepting,
            _other_end: other_end,
            _folder: folder,
        }
    }
}

#[tokio::test]
#[ignore = "not a test: the other end, which a test starts in another network"]
async fn passes_on_until_it_is_killed() {
    let (Ok(socket), Ok(to)) = (std::env::var(SOCKET), std::env::var(TO)) else {
        return;
    };
    let listener = UnixListener::bind(socket).unwrap();
    let mut open = JoinSet::new();
    loop {
        let (mut there, _) = listener.accept().await.unwrap();
        let to = to.clone();
        open.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(to).await {
                let _: Result<_, _> = copy_bidirectional(&mut there, &mut server).await;
            }
        });
        while open.try_join_next().is_some() {}
    }
}
