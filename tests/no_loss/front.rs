//! What stands in front of servers, as proxies do: it asks each of them whether it is ready, and gives each new connection to one that was.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::api::Api;

/// How often it asks.
const EVERY: Duration = Duration::from_millis(100);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// One address for all servers; it ends with the test.
pub(crate) struct Front {
    /// The servers, by this way.
    pub(crate) api: Api,
    servers: Servers,
    _tasks: JoinSet<()>,
}

type Servers = Arc<Mutex<Vec<Behind>>>;

struct Behind {
    api: Api,
    is_ready: bool,
}

impl Front {
    /// One without servers.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Api::at(listener.local_addr().unwrap().to_string());
        let servers = Servers::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(ask_all(Arc::clone(&servers)));
        tasks.spawn(accept(listener, Arc::clone(&servers)));
        Self {
            api,
            servers,
            _tasks: tasks,
        }
    }

    /// One more, which gets nobody before it is ready.
    pub(crate) fn add(&self, server: &Api) {
        self.servers.lock().unwrap().push(Behind {
            api: server.clone(),
            is_ready: false,
        });
    }

    /// One less.
    pub(crate) fn remove(&self, server: &Api) {
        let mut servers = self.servers.lock().unwrap();
        servers.retain(|one| one.api.address != server.address);
    }

    /// Whether it gives connections to this one.
    pub(crate) fn sends_to(&self, server: &Api) -> bool {
        let servers = self.servers.lock().unwrap();
        let mut found = servers
            .iter()
            .filter(|one| one.api.address == server.address);
        found.any(|one| one.is_ready)
    }
}

async fn ask_all(servers: Servers) {
    loop {
        let apis: Vec<Api> = {
            let servers = servers.lock().unwrap();
            servers.iter().map(|one| one.api.clone()).collect()
        };
        for api in apis {
            let request = api.request("GET", "/readyz").timeout(PATIENCE);
            let answer = request.send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            let mut servers = servers.lock().unwrap();
            let asked = servers
                .iter_mut()
                .filter(|one| one.api.address == api.address);
            for one in asked {
                one.is_ready = is_ready;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn accept(listener: TcpListener, servers: Servers) {
    let mut open = JoinSet::new();
    for turn in 0_usize.. {
        let (client, _) = listener.accept().await.unwrap();
        let address = {
            let servers = servers.lock().unwrap();
            let ready: Vec<&Behind> = servers.iter().filter(|one| one.is_ready).collect();
            let next = ready.get(turn % ready.len().max(1));
            next.map(|one| one.api.address.clone())
        };
        if let Some(address) = address {
            open.spawn(pass_on(client, address));
        }
        while open.try_join_next().is_some() {}
    }
}

/// A server that refuses is not made up for by another: it should not have been asked any more.
async fn pass_on(mut client: TcpStream, address: String) {
    if let Ok(mut server) = TcpStream::connect(address).await {
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        // It ends when both sides have ended, however they do.
        let _: Result<_, _> = copy_bidirectional(&mut client, &mut server).await;
    }
}
