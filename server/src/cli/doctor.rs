//! `highwater doctor`: what a person would check, and what to do about it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use clap::Args;
use highwater_model::{RefusedDefinition, StoreFacts};
use highwater_postgres::{Binaries, Search};
use serde::Serialize;

use super::client::{ServerArgs, block_on, expect_success};
use super::output;

/// Less free space than this is worth a word.
const LITTLE_DISK: u64 = 2 << 30;
/// A transaction that holds up others for longer is worth a word.
const LONG_HOLD_S: f64 = 5.0;

/// `highwater doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where Highwater's own Postgres keeps its data
    #[arg(long, value_name = "DIR", env = "HIGHWATER_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    #[serde(rename = "check")]
    name: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            found: found.into(),
            todo: None,
        }
    }
    fn bad(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            name,
            ok: false,
            found: found.into(),
            todo: Some(todo.into()),
        }
    }
}

/// Checks, and fails when something is wrong.
pub fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    let mut facts = None;
    block_on(async {
        facts = server_checks(args, &mut checks).await?;
        Ok(())
    })?;
    if facts.is_none_or(|facts| facts.embedded) {
        checks.push(binaries_check());
        checks.push(disk_check(
            &args
                .data_dir
                .clone()
                .unwrap_or_else(highwater_postgres::default_data_dir),
        ));
    }
    checks.iter().try_for_each(tell)?;
    let wrong = checks.iter().filter(|check| !check.ok).count();
    if wrong > 0 {
        bail!("{wrong} of the checks found something wrong");
    }
    Ok(())
}

fn tell(check: &Check) -> anyhow::Result<()> {
    if !output::for_people() {
        return output::json(check);
    }
    output::line(&format!(
        "{} {:<9} {}",
        if check.ok { "ok   " } else { "WRONG" },
        check.name,
        check.found
    ))?;
    check.todo.as_ref().map_or(Ok(()), |todo| {
        output::line(&format!("                → {todo}"))
    })
}

/// Asks the server what it knows of its database.
async fn server_checks(
    args: &DoctorArgs,
    checks: &mut Vec<Check>,
) -> anyhow::Result<Option<StoreFacts>> {
    let client = args.server.client()?;
    let ask = async |path: &[&str]| -> anyhow::Result<reqwest::Response> {
        let response = client
            .get(args.server.call(path)?)
            .send()
            .await
            .map_err(|error| args.server.unreachable(&error))?;
        expect_success(response).await
    };
    if let Err(error) = ask(&["healthz"]).await {
        checks.push(Check::bad("server", error.to_string(), "highwater serve"));
        return Ok(None);
    }
    checks.push(Check::good(
        "server",
        format!("answers at {}", args.server.url),
    ));
    match ask(&["readyz"]).await {
        Ok(_) => checks.push(Check::good(
            "ready",
            "the database answers and the mark moves",
        )),
        Err(error) => checks.push(Check::bad(
            "ready",
            error.to_string(),
            "look at the server's log; it says since when and why",
        )),
    }
    let facts: StoreFacts = match ask(&["api", "store"]).await {
        Ok(response) => response.json().await?,
        Err(error) => {
            checks.push(Check::bad(
                "database",
                error.to_string(),
                "look at the server's log",
            ));
            return Ok(None);
        }
    };
    checks.push(Check::good(
        "database",
        format!(
            "{}, schema version {}, {} MiB",
            facts.postgres,
            facts.schema_version,
            facts.database_bytes >> 20
        ),
    ));
    checks.push(rights_check(&facts));
    checks.push(read_models_check(&facts));
    checks.push(match ask(&["api", "definitions", "refused"]).await {
        Ok(response) => definitions_check(&response.json::<Vec<RefusedDefinition>>().await?),
        Err(error) => Check::bad("folder", error.to_string(), "look at the server's log"),
    });
    let own = env!("CARGO_PKG_VERSION");
    checks.push(if facts.highwater == own {
        Check::good("versions", format!("server and command are {own}"))
    } else {
        Check::bad(
            "versions",
            format!("the server is {}, this command {own}", facts.highwater),
            "use the same version for both",
        )
    });
    checks.push(
        match facts
            .holders
            .iter()
            .find(|holder| holder.seconds > LONG_HOLD_S)
        {
            None => Check::good(
                "mark",
                format!(
                    "at {}, {} events in {} streams",
                    facts.mark.position, facts.events, facts.streams
                ),
            ),
            Some(holder) => Check::bad(
                "mark",
                format!(
                    "backend {} ({}) has {} appends for {:.0} s",
                    holder.pid, holder.application, holder.what, holder.seconds
                ),
                format!(
                    "let it commit or roll back; or end it: select pg_terminate_backend({})",
                    holder.pid
                ),
            ),
        },
    );
    Ok(Some(facts))
}

fn rights_check(facts: &StoreFacts) -> Check {
    let user = &facts.rights.user;
    if facts.rights.sees_sessions {
        Check::good(
            "rights",
            format!("{user} owns the schema and sees what other sessions do"),
        )
    } else {
        Check::bad(
            "rights",
            format!(
                "{user} does not see what other users' sessions do, so what holds the mark has no name"
            ),
            format!(
                "as an administrator: grant pg_read_all_stats to \"{}\"",
                user.replace('"', "\"\"")
            ),
        )
    }
}

fn read_models_check(facts: &StoreFacts) -> Check {
    let user = &facts.rights.user;
    if facts.rights.read_models_need.is_empty() {
        Check::good(
            "roles",
            format!("{user} may make the roles and schemas of SQL read models"),
        )
    } else {
        Check::bad(
            "roles",
            format!(
                "{user} may not make the roles or schemas of SQL read models; new ones wait, each with its statements"
            ),
            format!(
                "as an administrator, once for all of them: {}",
                facts.rights.read_models_need.join(" ")
            ),
        )
    }
}

fn definitions_check(refused: &[RefusedDefinition]) -> Check {
    if refused.is_empty() {
        return Check::good("folder", "no definition of a watched folder is refused");
    }
    let told: Vec<String> = refused
        .iter()
        .map(|refused| {
            if refused.name.is_empty() {
                refused.problem.clone()
            } else {
                format!("{}.sql: {}", refused.name, refused.problem)
            }
        })
        .collect();
    Check::bad(
        "folder",
        told.join("; "),
        "mend the file; it is read again as soon as it changes, and the live read model is as it was",
    )
}

fn binaries_check() -> Check {
    match Binaries::find(&Search::default()) {
        Ok(Some(found)) => Check::good(
            "postgres",
            format!("{} in {}", found.version(), found.folder().display()),
        ),
        Ok(None) => Check::good(
            "postgres",
            "none installed; serve fetches one the first time",
        ),
        Err(error) => Check::bad(
            "postgres",
            error.to_string(),
            "install PostgreSQL 14 or newer, or give --database-url",
        ),
    }
}

/// Free space and rights of the data folder, or of the folder that it will be made in.
fn disk_check(data_dir: &Path) -> Check {
    let Some(existing) = data_dir.ancestors().find(|path| path.exists()) else {
        return Check::bad(
            "disk",
            format!("{} can't be reached", data_dir.display()),
            "name another folder with --data-dir",
        );
    };
    // POSIX df: the fourth column of the second line is the free space in KiB.
    let free = Command::new("df")
        .arg("-Pk")
        .arg(existing)
        .output()
        .ok()
        .and_then(|out| {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            text.lines()
                .nth(1)?
                .split_whitespace()
                .nth(3)?
                .parse::<u64>()
                .ok()
        });
    match free.map(|kib| kib << 10) {
        None => Check::good(
            "disk",
            format!("{}; free space unknown", existing.display()),
        ),
        Some(free) if free < LITTLE_DISK => Check::bad(
            "disk",
            format!("{} MiB free at {}", free >> 20, existing.display()),
            "make room, or name another folder with --data-dir",
        ),
        Some(free) => Check::good(
            "disk",
            format!("{} GiB free at {}", free >> 30, existing.display()),
        ),
    }
}
