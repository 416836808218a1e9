//! What stands between a server and its Postgres, and does to it what networks do: it delays, falls silent, refuses, breaks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As one wishes.
    Passes,
    /// Whatever is sent arrives so much later.
    Slow(Duration),
    /// Nothing arrives, and nobody says so.
    Silent,
    /// An answer that is longer than so many bytes breaks off there, and the connection with it.
    Breaks(usize),
    /// Nobody gets a connection.
    Refuses,
}

/// A way to a Postgres, at a port of its own; it ends with the test.
pub(crate) struct Proxy {
    address: SocketAddr,
    way: Arc<Way>,
    /// Ends with this value.
    _accepting: JoinSet<()>,
}

struct Way {
    mood: watch::Sender<Mood>,
    /// Counts how often everything that was open was cut.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// A way to the server of this database.
    pub(crate) async fn to(database_url: &str) -> Self {
        Self::at("127.0.0.1", database_url).await
    }

    /// The same from another of this machine's addresses.
    pub(crate) async fn at(address: &str, database_url: &str) -> Self {
        let place = Place::of(database_url);
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(Way {
            mood: watch::Sender::new(Mood::Passes),
            cuts: watch::Sender::new(0),
        });
        let mut accepting = JoinSet::new();
        let by = Arc::clone(&way);
        accepting.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                open.spawn(connect(client, place.clone(), Arc::clone(&by)));
                while open.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            way,
            _accepting: accepting,
        }
    }

    /// The URL of the same database by this way.
    pub(crate) fn url(&self, database_url: &str) -> String {
        let mut url = Url::parse(database_url).unwrap();
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "host" && name != "port")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("host", &self.address.ip().to_string())
            .append_pair("port", &self.address.port().to_string())
            .append_pair("sslmode", "disable");
        url.into()
    }

    /// The network is like this from now on.
    pub(crate) fn be(&self, mood: Mood) {
        self.way.mood.send_replace(mood);
    }

    /// Every connection that is open breaks.
    pub(crate) fn cut(&self) {
        self.way.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Where a Postgres listens.
#[derive(Debug, Clone)]
enum Place {
    Socket(PathBuf),
    Address(String),
}

impl Place {
    fn of(database_url: &str) -> Self {
        let url = Url::parse(database_url).unwrap();
        let of = |wanted: &str| {
            let mut pairs = url.query_pairs();
            let found = pairs.find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned())
        };
        let port = of("port").or_else(|| url.port().map(|port| port.to_string()));
        let port = port.unwrap_or_else(|| "5432".to_owned());
        let host = of("host").or_else(|| url.host_str().map(str::to_owned));
        let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
        if host.starts_with('/') {
            Self::Socket(PathBuf::from(host).join(format!(".s.PGSQL.{port}")))
        } else {
            Self::Address(format!("{host}:{port}"))
        }
    }
}

async fn connect(client: TcpStream, place: Place, way: Arc<Way>) {
    if *way.mood.borrow() == Mood::Refuses {
        return;
    }
    client.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    match place {
        Place::Socket(path) => {
            let Ok(database) = UnixStream::connect(path).await else {
                return;
            };
            let (from_database, to_database) = database.into_split();
            relay((from_client, to_client), (from_database, to_database), &way).await;
        }
        Place::Address(address) => {
            let Ok(database) = TcpStream::connect(address).await else {
                return;
            };
            let (from_database, to_database) = database.into_split();
            relay((from_client, to_client), (from_database, to_database), &way).await;
        }
    }
}

/// Both directions, until one ends or all is cut; then both ends are closed.
async fn relay(
    (from_client, to_client): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    (from_database, to_database): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    way: &Way,
) {
    let mut cuts = way.cuts.subscribe();
    cuts.mark_unchanged();
    tokio::select! {
        () = carry(from_client, to_database, way, false) => {}
        () = carry(from_database, to_client, way, true) => {}
        _ = cuts.changed() => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: &Way,
    is_answer: bool,
) {
    let mut mood = way.mood.subscribe();
    let mut bytes = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        let now = *mood.borrow_and_update();
        let passes = match now {
            Mood::Breaks(at) if is_answer && count > at => at,
            Mood::Slow(time) => {
                tokio::time::sleep(time).await;
                count
            }
            _ => count,
        };
        while *mood.borrow_and_update() == Mood::Silent {
            if mood.changed().await.is_err() {
                return;
            }
        }
        if to.write_all(&bytes[..passes]).await.is_err() || passes < count {
            return;
        }
    }
}
