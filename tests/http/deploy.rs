//! The files of `server/deploy`: they name nothing that the program does not know, hold what they promise, and a server that is set up as they say runs.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::CommandFactory;
use highwater::cli::Cli;
use highwater::serve::DRAIN;
use highwater_postgres::{BIN_VARIABLE, TARBALL_VARIABLE};

use crate::program::{Process, command};
use crate::support::api::Api;
use crate::support::database;

/// After the requests: what runs inside gets 5 s, and some to spare.
const INSIDE: Duration = Duration::from_secs(10);
/// A Postgres of its own has so long to stop in order.
const POSTGRES: Duration = Duration::from_secs(20);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// A file, without the lines that are comments.
fn file(name: &str) -> String {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The manifests, by name.
fn manifests() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder().join("kubernetes")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What stands behind a key, wherever that stands.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let value = |line: &'a str| {
        let line = line.trim();
        let line = line.strip_prefix("- ").unwrap_or(line);
        let (name, value) = line.split_once([':', '='])?;
        (name == key).then(|| value.trim())
    };
    text.lines().filter_map(value).collect()
}

fn seconds(text: &str, key: &str) -> Duration {
    let found = values(text, key);
    let [one] = found[..] else {
        panic!("{key} is {found:?}");
    };
    Duration::from_secs(one.parse().unwrap())
}

/// Words like `HIGHWATER_LISTEN`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    words.filter(|word| word.len() > "HIGHWATER_".len() && word.starts_with("HIGHWATER_"))
}

/// Words like `--listen`.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-');
    words.filter(|word| word.len() > 2 && word.starts_with("--") && !word.starts_with("---"))
}

/// The variables and the flags of all commands.
fn known() -> (BTreeSet<String>, BTreeSet<String>) {
    let mut variables = BTreeSet::from([BIN_VARIABLE, TARBALL_VARIABLE].map(str::to_owned));
    let mut flags = BTreeSet::new();
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            let variable = argument.get_env();
            variables.extend(variable.map(|name| name.to_string_lossy().into_owned()));
            flags.extend(argument.get_long().map(|name| format!("--{name}")));
        }
        commands.extend(command.get_subcommands().cloned());
    }
    (variables, flags)
}

#[test]
fn every_variable_and_flag_in_them_is_one_of_the_program() {
    let (known_variables, known_flags) = known();
    let security = folder().join("../../SECURITY.md");
    let security = std::fs::read_to_string(security).unwrap();
    let mut texts = vec![("SECURITY.md".to_owned(), security)];
    let names = manifests().into_iter();
    let names = names.map(|name| format!("kubernetes/{name}"));
    for name in names.chain(["highwater.service".to_owned()]) {
        let text = file(&name);
        texts.push((name, text));
    }
    for (name, text) in &texts {
        for flag in flags(text) {
            assert!(known_flags.contains(flag), "{name}: {flag}");
        }
    }
    assert_eq!(flags(&texts[0].1).next(), Some("--login"));
    // Their flags are of the programs that build and try.
    for name in ["Containerfile", "try-image.sh"] {
        texts.push((name.to_owned(), file(name)));
    }
    let mut found = BTreeSet::new();
    for (name, text) in &texts {
        for variable in variables(text) {
            assert!(known_variables.contains(variable), "{name}: {variable}");
            found.insert(variable);
        }
    }
    assert!(found.len() >= 5, "{found:?}");
}

#[test]
fn the_deployment_asks_for_no_right_and_for_no_user_of_its_own() {
    let deployment = file("kubernetes/deployment.yaml");
    for line in [
        "runAsNonRoot: true",
        "type: RuntimeDefault",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "drop: [\"ALL\"]",
        "automountServiceAccountToken: false",
        "enableServiceLinks: false",
        "maxUnavailable: 0",
        "mountPath: /tmp",
    ] {
        assert!(deployment.lines().any(|said| said.trim() == line), "{line}");
    }
    for word in ["runAsUser", "runAsGroup", "fsGroup", "hostPath", "add:"] {
        assert!(!deployment.contains(word), "{word}");
    }
    // By number, or Kubernetes can't tell that it is not root; of group 0, as OpenShift's are.
    let image = file("Containerfile");
    let users: Vec<&str> = image
        .lines()
        .filter_map(|line| line.strip_prefix("USER "))
        .collect();
    assert_eq!(users, ["10001:0", "10001:0"]);
    assert!(image.contains("EXPOSE 3000\n") && image.contains("HIGHWATER_LISTEN=0.0.0.0:3000"));
    assert_eq!(values(&deployment, "containerPort"), ["3000"]);
}

#[test]
fn what_is_asked_of_the_servers_is_in_the_api() {
    let (_, document) = highwater::api::routes().split_for_parts();
    let document = serde_json::to_value(&document).unwrap();
    let deployment = file("kubernetes/deployment.yaml");
    let mut paths = values(&deployment, "path");
    assert_eq!(paths, ["/healthz", "/healthz", "/readyz"]);
    let monitor = file("kubernetes/service-monitor.example.yaml");
    paths.extend(values(&monitor, "path"));
    for path in paths {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
}

#[test]
fn a_server_gets_the_time_that_it_takes_to_stop() {
    let deployment = file("kubernetes/deployment.yaml");
    let (_, drain) = deployment.split_once("--drain=").unwrap();
    let (drain, _) = drain.split_once('"').unwrap();
    let pause = Duration::from_secs(drain.parse().unwrap());
    let all = seconds(&deployment, "terminationGracePeriodSeconds");
    assert!(all >= pause + DRAIN + INSIDE, "{all:?}");
    let unit = file("highwater.service");
    let all = seconds(&unit, "TimeoutStopSec");
    assert!(all >= DRAIN + INSIDE + POSTGRES, "{all:?}");
}

#[test]
fn the_unit_is_no_root_writes_to_one_folder_and_stops_postgres_last() {
    let unit = file("highwater.service");
    for line in [
        "DynamicUser=yes",
        "StateDirectory=highwater",
        "Environment=HIGHWATER_DATA_DIR=/var/lib/highwater",
        "EnvironmentFile=-/etc/highwater/env",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        // To all at once, Postgres would end what is still being recorded.
        "KillMode=mixed",
        // The one needs the other.
        "MemoryDenyWriteExecute=yes",
        "Environment=\"PGOPTIONS=-c jit=off\"",
    ] {
        assert!(unit.lines().any(|said| said == line), "{line}");
    }
}

#[test]
fn the_base_is_of_this_version_and_has_every_manifest_but_the_examples() {
    let base = file("kubernetes/kustomization.yaml");
    let listed: BTreeSet<String> = base
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .filter(|item| Path::new(item).extension().is_some_and(|end| end == "yaml"))
        .map(str::to_owned)
        .collect();
    let mut there = manifests();
    there.retain(|name| !name.ends_with(".example.yaml") && name != "kustomization.yaml");
    assert_eq!(listed, there);
    let version = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(values(&base, "newTag"), [version]);
    let rust = concat!("FROM rust:", env!("CARGO_PKG_RUST_VERSION"), ".");
    assert!(file("Containerfile").contains(rust), "{rust}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_set_up_as_in_the_base_is_ready_and_stops_in_order() {
    let base = file("kubernetes/kustomization.yaml");
    let mut serve = command();
    for setting in base
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
    {
        if let Some((name, value)) = setting.split_once('=') {
            // Any port: several tests run at once.
            serve.env(name, value.replace(":3000", ":0"));
        }
    }
    let database_url = database::create().await;
    serve.env("HIGHWATER_DATABASE_URL", database_url);
    serve.env("HIGHWATER_LOG", "warn").arg("serve");
    let mut process = Process(serve.stdout(Stdio::piped()).spawn().unwrap());
    let output = process.0.stdout.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let mut output = BufReader::new(output);
        let mut said = [String::new(), String::new()];
        for line in &mut said {
            output.read_line(line).unwrap();
        }
        // It is given back, for a server that writes to nobody would fail.
        (said, output)
    });
    let ([place, invitation], _output) = reading.await.unwrap();
    let port = place
        .trim()
        .strip_prefix("Highwater is at http://0.0.0.0:")
        .and_then(|rest| rest.strip_suffix('/'))
        .unwrap_or_else(|| panic!("the server did not start; it said {place:?}"));
    assert!(
        invitation.contains("https://highwater.example/join?key="),
        "{invitation:?}"
    );
    let api = Api::at(format!("127.0.0.1:{port}"));
    for path in ["/healthz", "/readyz"] {
        let answer = api.request("GET", path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    let answer = api.request("GET", "/api/events").send().await.unwrap();
    assert_eq!(answer.status(), 401);

    let pid = process.0.id().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(told.unwrap().success());
    let ending = tokio::task::spawn_blocking(move || {
        let mut process = process;
        process.0.wait().unwrap()
    });
    let Ok(ended) = tokio::time::timeout(DRAIN + INSIDE, ending).await else {
        // Or the test would wait for it.
        let _: Result<_, _> = Command::new("kill").args(["-9", &pid]).status();
        panic!("the server did not stop in time");
    };
    let ended = ended.unwrap();
    assert!(ended.success(), "{ended}");
}
