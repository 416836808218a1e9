//! The program's own commands, asked of a running server.

use std::path::Path;
use std::process::{Command, Output};

use crate::running::Running;

/// `highwater check` of a file with this text.
pub(crate) async fn check(server: &Running, file: &Path, text: &str) -> Output {
    std::fs::write(file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command.arg("check").arg(file);
    command.args(["--url", &format!("http://{}", server.address)]);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}
