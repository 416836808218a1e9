//! The program with a certificate, as a process that ends with the test.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use highwater::cli::client::install_tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client, ClientBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::program::{Process, command};
use crate::support::database;

/// A name of the server, as browsers elsewhere have it.
pub(crate) const NAME: &str = "highwater.test";
/// How long the server may take to do what it was told.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A certificate and its key.
pub(crate) struct Files(TempDir);

impl Files {
    /// In a folder of their own; and the certificate.
    pub(crate) fn new() -> (Self, String) {
        let files = Self(tempfile::tempdir().unwrap());
        let certificate = files.renew();
        (files, certificate)
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    /// Writes another pair; its certificate.
    pub(crate) fn renew(&self) -> String {
        let (certificate, key) = pair();
        fs::write(self.certificate(), &certificate).unwrap();
        fs::write(self.key(), key).unwrap();
        certificate
    }
}

/// A new certificate and its key.
pub(crate) fn pair() -> (String, String) {
    let names = ["127.0.0.1", NAME].map(str::to_owned);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

/// What a process says, line by line.
pub(crate) type Lines = UnboundedReceiver<String>;

pub(crate) fn lines(from: impl Read + Send + 'static) -> Lines {
    let (to, lines) = unbounded_channel();
    std::thread::spawn(move || {
        // To the end, so that the process is never held up by what it says.
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _: Result<_, _> = to.send(line);
        }
    });
    lines
}

/// The next line that has these words.
pub(crate) async fn line(lines: &mut Lines, words: &str) -> String {
    let found = async {
        loop {
            let line = lines.recv().await.expect("the process has ended");
            if line.contains(words) {
                return line;
            }
        }
    };
    let found = timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("it does not say {words:?}"))
}

/// `highwater serve`.
pub(crate) struct Server {
    process: Process,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    pub(crate) said: Lines,
    pub(crate) log: Lines,
}

impl Server {
    pub(crate) async fn start(files: &Files, more: &[&str]) -> Self {
        Self::at("127.0.0.1:0", files, more).await
    }

    pub(crate) async fn at(listen: &str, files: &Files, more: &[&str]) -> Self {
        let database = database::create().await;
        let mut serve = serve(files);
        serve.args(["--listen", listen, "--database-url", &database]);
        serve
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Process(serve.spawn().unwrap());
        let mut said = lines(process.0.stdout.take().unwrap());
        let log = lines(process.0.stderr.take().unwrap());
        let address = line(&mut said, "Highwater is at").await;
        let address = address.strip_prefix("Highwater is at https://").unwrap();
        Self {
            process,
            address: address.trim_end_matches('/').to_owned(),
            said,
            log,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Says that the files are to be read again.
    pub(crate) fn hang_up(&self) {
        let id = self.process.0.id().to_string();
        let done = Command::new("kill").args(["-HUP", &id]).status();
        assert!(done.unwrap().success());
    }

    /// Asks for something that there is.
    pub(crate) async fn get(&self, client: &Client, path: &str) -> Value {
        let response = client.get(self.url() + path).send().await.unwrap();
        let answer = response.error_for_status().unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Whether it shows this certificate, to somebody who has not been there before.
    pub(crate) async fn shows(&self, certificate: &str) -> bool {
        let client = trusting(certificate).build().unwrap();
        let answer = client.get(self.url() + "/healthz").send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }
}

/// `highwater serve` with these files.
pub(crate) fn serve(files: &Files) -> Command {
    let mut serve = command();
    serve
        .arg("serve")
        .arg("--tls-cert")
        .arg(files.certificate());
    serve.arg("--tls-key").arg(files.key());
    serve
}

/// A client that trusts nothing but this certificate.
pub(crate) fn trusting(certificate: &str) -> ClientBuilder {
    install_tls();
    let certificate = Certificate::from_pem(certificate.as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([certificate])
}
