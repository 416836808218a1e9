//! The embedded Postgres as a whole.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are outside of the tests"
)]

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use highwater_postgres::scratch::Scratch;
use highwater_postgres::{Binaries, Embedded, Options, PostgresError};

fn start(folder: &Path) -> Result<Embedded, PostgresError> {
    let binaries = Binaries::find_or_fetch(&mut |_| {})?;
    Embedded::start(
        &binaries,
        &Options {
            throwaway: true,
            ..Options::new(folder)
        },
        &mut |_| {},
    )
}

/// The socket that a URL names.
fn socket(url: &str) -> PathBuf {
    let host = url
        .split("host=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    Path::new(host).join(".s.PGSQL.5432")
}

fn gone(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < until, "waited 20 s: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_server_starts_takes_connections_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).unwrap();
    let (pid, socket) = (server.pid(), socket(&server.url()));
    UnixStream::connect(&socket).unwrap();
    server.stop();
    assert!(gone(pid));
    assert!(UnixStream::connect(&socket).is_err());
    let again = start(folder.path()).unwrap();
    UnixStream::connect(&socket).unwrap();
    drop(again);
}

#[test]
fn a_second_instance_on_the_same_folder_says_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).unwrap();
    let error = start(folder.path()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, PostgresError::InUse { .. }), "{said}");
    assert!(
        said.contains(&format!("process {} ", std::process::id())),
        "{said}"
    );
    assert!(
        said.contains(&format!("process {})", server.pid())),
        "{said}"
    );
    assert!(said.contains(folder.path().to_str().unwrap()), "{said}");
}

#[test]
fn a_killed_postgres_recovers_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).unwrap();
    let pid = server.pid();
    assert!(
        Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait_until("the keeper sees the end", || server.ended().is_some());
    drop(server);
    let again = start(folder.path()).unwrap();
    UnixStream::connect(socket(&again.url())).unwrap();
}

#[test]
fn a_left_over_postmaster_pid_of_another_process_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).unwrap().stop();
    // A process id that is in use by something else, as after the restart of a container.
    let stale = format!(
        "{}\n/nowhere\n1\n5432\n/nowhere\n\n 1 2\nready   \n",
        std::process::id()
    );
    std::fs::write(folder.path().join("postgres/data/postmaster.pid"), stale).unwrap();
    UnixStream::connect(socket(&start(folder.path()).unwrap().url())).unwrap();
}

#[test]
fn data_of_another_major_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).unwrap().stop();
    std::fs::write(folder.path().join("postgres/data/PG_VERSION"), "99\n").unwrap();
    let error = start(folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("made by PostgreSQL 99"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn postgres_ends_when_its_parent_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    // Examples are built beside the tests: target/debug/deps/<this> → target/debug/examples/hold.
    let program = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .with_file_name("examples")
        .join("hold");
    let mut parent = Command::new(program)
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    assert!(!gone(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("Postgres is gone", || gone(pid));
    start(folder.path()).unwrap();
}

#[test]
fn scratch_is_one_server_for_all_who_ask() {
    let url = Scratch::get().url_for("postgres");
    assert_eq!(url, Scratch::get().url_for("postgres"));
    assert!(Scratch::get().url_for("other").contains("/other?"));
}
