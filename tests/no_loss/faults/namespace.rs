//! Two servers on one database, and a network that is cut between it and one of them. That one runs in a network of its own (a namespace, which takes
//! root and `ip`).

use std::process::Command;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{
    Chance, counts_are_right, define_counts, done, found, not_possible_here, runs_or, until,
    writers,
};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::{Server, command_in};
use crate::proxy::Proxy;
use crate::reader::Reader;
use crate::support::api::ask;
use crate::support::database;
use crate::way_in::WayIn;

/// A network with one link to ours; both are gone with this value.
struct Network {
    name: String,
    /// The link's end here.
    here: String,
    /// The link's end there.
    there: String,
    /// Addresses of a link, like 10.213.7.0/30.
    range: String,
}

/// What a network looks like that is cut.
#[derive(Clone, Copy)]
enum Cut {
    /// Its own end is down: whoever wants out is told so.
    There,
    /// The other end is down: nothing arrives, and nobody says so.
    Here,
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new("ip").args(arguments).output();
    let ran = ran.map_err(|error| format!("ip: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    let done = ran.status.success();
    done.then_some(())
        .ok_or(format!("ip {}: {said}", arguments.join(" ")))
}

impl Network {
    /// Why there can't be one, otherwise.
    fn new() -> Result<Self, String> {
        let id = std::process::id();
        let new = Self {
            name: format!("highwater-{id}"),
            here: format!("hw{id}h"),
            there: format!("hw{id}t"),
            range: format!("10.213.{}", id % 256),
        };
        let (name, here, there) = (&new.name, &new.here, &new.there);
        ip(&["netns", "add", name])?;
        ip(&[
            "link", "add", here, "type", "veth", "peer", "name", there, "netns", name,
        ])?;
        let (ours, theirs) = (new.ours(), format!("{}.2/30", new.range));
        ip(&["addr", "add", &format!("{ours}/30"), "dev", here])?;
        ip(&["link", "set", here, "up"])?;
        // While the link is down, what is meant for the other network leaves this machine by no other way.
        let all = format!("{}.0/30", new.range);
        ip(&["route", "add", "unreachable", &all, "metric", "4278"])?;
        ip(&["-n", name, "addr", "add", &theirs, "dev", there])?;
        ip(&["-n", name, "link", "set", there, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        Ok(new)
    }

    /// Our address on the link.
    fn ours(&self) -> String {
        format!("{}.1", self.range)
    }

    fn cut(&self, cut: Cut) {
        self.set(cut, "down");
    }

    fn mend(&self, cut: Cut) {
        self.set(cut, "up");
    }

    fn set(&self, cut: Cut, state: &str) {
        match cut {
            Cut::Here => ip(&["link", "set", &self.here, state]),
            Cut::There => ip(&["-n", &self.name, "link", "set", &self.there, state]),
        }
        .unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let all = format!("{}.0/30", self.range);
        // What was not made, or is gone already, can't be removed.
        let _: [Result<(), String>; 3] = [
            ip(&["route", "del", "unreachable", &all, "metric", "4278"]),
            ip(&["link", "del", &self.here]),
            ip(&["netns", "del", &self.name]),
        ];
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_network_is_cut_loses_nothing_and_the_other_goes_on_for_both() {
    let network = match Network::new() {
        Ok(network) => network,
        Err(why) => return not_possible_here(&why),
    };
    let database_url = database::create().await;
    let proxy = Proxy::at(&network.ours(), &database_url).await;
    let by_link = proxy.url(&database_url);
    let mut far = Server::start_by(command_in(&network.name), &["--database-url", &by_link]).await;
    let way_in = WayIn::to(&network.name, &far.api.address).await;
    far.api = way_in.api.clone();
    let near = Server::start(&database_url).await;
    define_counts(&far.api).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let (finished, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    for api in [&far.api, &near.api] {
        readers.spawn(Reader::new(vec![api.clone()], end.clone()).follow());
    }

    for run in 0..runs_or(3) {
        let writing_far = writers(std::slice::from_ref(&far.api), 2 * run, &ledger);
        let writing_near = writers(std::slice::from_ref(&near.api), 2 * run + 1, &ledger);
        chance.pause(60).await;
        let cut = if run % 2 == 0 { Cut::Here } else { Cut::There };
        network.cut(cut);
        if run % 3 == 1 {
            // For as long as it takes the other one to be the one that runs the read model.
            says_so(&far).await;
            done(writing_near).await;
            counts_are_right(&near.api, &database_url).await;
        } else {
            chance.pause(2_000).await;
            done(writing_near).await;
        }
        network.mend(cut);
        done(writing_far).await;
        until("it is ready again", async || {
            found(&far.api, "/readyz").await
        })
        .await;
    }

    let log = log::read(&database_url).await;
    ledger.audit(&log);
    assert_eq!(ledger.count(Fate::Unknown), 0);
    finished.send_replace(Some(log.last().unwrap().0));
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() == log, "a reader saw something else");
    }
    // Had both run it at once, events would count twice.
    for api in [&far.api, &near.api] {
        counts_are_right(api, &database_url).await;
    }
}

/// It is alive, not ready, and says why.
async fn says_so(far: &Server) {
    until("it says that it is cut off", async || {
        let (status, said) = ask(far.api.request("GET", "/readyz")).await.unwrap();
        (status == 503).then_some(()).ok_or(said.to_string())
    })
    .await;
    let healthy = far.api.request("GET", "/healthz").send().await.unwrap();
    assert_eq!(healthy.status(), 200);
}
