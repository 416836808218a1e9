//! `highwater audit verify`: whether the audit log is as it was written.

use anyhow::bail;
use clap::{Args, Subcommand};
use highwater_model::AuditVerdict;

use super::client::{ServerArgs, expect_success};
use super::output;

/// `highwater audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Computes the audit log's chain anew, and fails when an action was changed, removed or put in between
    Verify(VerifyArgs),
}

/// `highwater audit verify`.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// A seal that you have kept from an earlier run, as it was printed: NUMBER:HASH. It proves everything up to it
    #[arg(long, value_name = "SEAL")]
    seal: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Verifies, and fails when something is wrong.
pub async fn run(args: AuditArgs) -> anyhow::Result<()> {
    let What::Verify(args) = args.what;
    let mut url = args.server.call(&["api", "actions", "verify"])?;
    if let Some(seal) = &args.seal {
        url.query_pairs_mut().append_pair("seal", seal);
    }
    let response = args.server.client()?.get(url).send().await;
    let response = response.map_err(|error| args.server.unreachable(&error))?;
    let verdict: AuditVerdict = expect_success(response).await?.json().await?;
    if output::for_people() {
        tell(&verdict)?;
    } else {
        output::json(&verdict)?;
    }
    if !verdict.is_good() {
        bail!("the audit log is not as it was written");
    }
    Ok(())
}

fn tell(verdict: &AuditVerdict) -> anyhow::Result<()> {
    for fault in &verdict.faults {
        let (action, seal) = (fault.action_id, fault.seal);
        output::line(&format!(
            "WRONG  action {action} (seal {seal}): {}",
            fault.why
        ))?;
    }
    if verdict.kept == Some(false) {
        output::line("WRONG  the seal that you have kept is not the one that stands here")?;
    }
    let (sealed, unsealed) = (verdict.sealed, verdict.unsealed);
    output::line(&format!("{sealed} actions sealed, {unsealed} not yet"))?;
    match &verdict.newest {
        Some(newest) => output::line(&format!(
            "keep this elsewhere, and give it as --seal next time: {}:{}",
            newest.seal, newest.hash
        )),
        None => Ok(()),
    }
}
