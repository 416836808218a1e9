//! `highwater doctor`: what a person would check, and what to do about it.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use highwater_model::{CheckVerdict, StoreCheck, StoreFacts};
use highwater_postgres::{Binaries, Search};

use super::client::{ServerArgs, block_on, expect_success};
use super::output;
use crate::disk;

/// `highwater doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where Highwater's own Postgres keeps its data
    #[arg(long, value_name = "DIR", env = "HIGHWATER_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Checks, and fails when something is wrong.
pub fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    let mut answered = false;
    block_on(async {
        answered = server_checks(args, &mut checks).await?;
        Ok(())
    })?;
    // A server that answers tells of its own disk; without one, this machine is looked at.
    if !answered {
        checks.push(binaries_check());
        let data_dir = args
            .data_dir
            .clone()
            .unwrap_or_else(highwater_postgres::default_data_dir);
        checks.push(disk::check(&data_dir, 0));
    }
    checks.iter().try_for_each(tell)?;
    let wrong = checks
        .iter()
        .filter(|check| check.verdict == CheckVerdict::Wrong)
        .count();
    if wrong > 0 {
        bail!("{wrong} of the checks found something wrong");
    }
    Ok(())
}

fn tell(check: &StoreCheck) -> anyhow::Result<()> {
    if !output::for_people() {
        return output::json(check);
    }
    output::line(&format!(
        "{} {:<12} {}",
        match check.verdict {
            CheckVerdict::Good => "ok    ",
            CheckVerdict::Advice => "ADVICE",
            CheckVerdict::Wrong => "WRONG ",
        },
        check.name,
        check.found
    ))?;
    check.todo.as_ref().map_or(Ok(()), |todo| {
        output::line(&format!("                    → {todo}"))
    })
}

/// Asks the server how its store is; says whether it answered.
async fn server_checks(args: &DoctorArgs, checks: &mut Vec<StoreCheck>) -> anyhow::Result<bool> {
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
        checks.push(StoreCheck::wrong(
            "server",
            error.to_string(),
            "highwater serve",
        ));
        return Ok(false);
    }
    checks.push(StoreCheck::good(
        "server",
        format!("answers at {}", args.server.url),
    ));
    checks.push(match ask(&["readyz"]).await {
        Ok(_) => StoreCheck::good("ready", "the database answers and the mark moves"),
        Err(error) => StoreCheck::wrong(
            "ready",
            error.to_string(),
            "look at the server's log; it says since when and why",
        ),
    });
    let facts: StoreFacts = match ask(&["api", "store"]).await {
        Ok(response) => response.json().await?,
        Err(error) => {
            checks.push(StoreCheck::wrong(
                "database",
                error.to_string(),
                "look at the server's log",
            ));
            return Ok(true);
        }
    };
    checks.push(versions_check(&facts));
    match ask(&["api", "store", "checks"]).await {
        Ok(response) => checks.extend(response.json::<Vec<StoreCheck>>().await?),
        Err(error) => checks.push(StoreCheck::wrong(
            "store",
            format!("its checks were not answered: {error}"),
            "look at the server's log",
        )),
    }
    Ok(true)
}

fn versions_check(facts: &StoreFacts) -> StoreCheck {
    let own = env!("CARGO_PKG_VERSION");
    if facts.highwater == own {
        return StoreCheck::good("versions", format!("server and command are {own}"));
    }
    StoreCheck::wrong(
        "versions",
        format!("the server is {}, this command {own}", facts.highwater),
        "use the same version for both",
    )
}

fn binaries_check() -> StoreCheck {
    match Binaries::find(&Search::default()) {
        Ok(Some(found)) => StoreCheck::good(
            "postgres",
            format!("{} in {}", found.version(), found.folder().display()),
        ),
        Ok(None) => StoreCheck::good(
            "postgres",
            "none installed; serve fetches one the first time",
        ),
        Err(error) => StoreCheck::wrong(
            "postgres",
            error.to_string(),
            "install PostgreSQL 14 or newer, or give --database-url",
        ),
    }
}
