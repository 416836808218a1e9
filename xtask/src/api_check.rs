//! The API, asked what its own description says, with good and with bad values: no answer is a 5xx of ours, none is undescribed.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use crate::{setup, step};

/// The tool, a package of Python's.
const TOOL: &str = "schemathesis==4.32.5";
/// Seconds that it asks.
const SECONDS: &str = "120";
/// Always the same questions: a failure can be seen again.
const SEED: &str = "1";

/// Sets the tool up, in a folder of its own; where it is.
pub(crate) fn set_up() -> Result<PathBuf> {
    let folder = step::target().join(TOOL.replace("==", "-"));
    let tool = folder.join("bin/schemathesis");
    if step::is_there(&tool.to_string_lossy()) {
        return Ok(tool);
    }
    setup::python()?;
    step::say(&format!(
        "installing {TOOL} with pip, in a folder of its own"
    ));
    step::run(step::command("python3").args(["-m", "venv"]).arg(&folder))?;
    step::run(step::command(folder.join("bin/pip")).args(["install", "--quiet", TOOL]))?;
    Ok(tool)
}

/// Asks a server of its own, with a store that is gone afterwards.
pub(crate) fn run(tool: &Path, program: &Path) -> Result<()> {
    step::say("the API against its own description");
    let server = Server::start(program)?;
    let mut ask = step::command(tool);
    // It leaves files of its own where it runs.
    ask.current_dir(&server.folder);
    ask.args(["run", &format!("{}/api/openapi.json", server.url)]);
    ask.args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"]);
    // A WebSocket is no matter of requests and answers; lines of JSON are no body that the tool can make.
    ask.args([
        "--exclude-path",
        "/api/live",
        "--exclude-path",
        "/api/import",
    ]);
    ask.args(["--max-time", SECONDS, "--seed", SEED]);
    ask.args(["--generation-database", "none", "--no-color"]);
    step::run(&mut ask)
}

/// A server of the demo shop; killed with this value, its Postgres with it.
struct Server {
    url: String,
    process: Child,
    folder: PathBuf,
}

impl Server {
    fn start(program: &Path) -> Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("highwater-api-check-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        // As root the embedded Postgres runs as another user, which has to reach the folder.
        fs::set_permissions(&folder, Permissions::from_mode(0o711))?;
        let mut serve = step::command(program);
        serve.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--demo=20",
            "--log",
            "error",
        ]);
        serve.arg("--data-dir").arg(folder.join("data"));
        let process = serve.stdout(Stdio::piped()).spawn();
        let mut server = Self {
            url: String::new(),
            process: process.with_context(|| format!("can't start {}", program.display()))?,
            folder,
        };
        let said = server.process.stdout.take();
        let mut lines = said
            .into_iter()
            .flat_map(|said| BufReader::new(said).lines());
        let said = lines.next().transpose()?.unwrap_or_default();
        let url = said.strip_prefix("Highwater is at ");
        let url = url.with_context(|| format!("the server did not start; it said {said:?}"))?;
        url.trim_end_matches('/').clone_into(&mut server.url);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
