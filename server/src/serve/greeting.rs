//! What is printed once it has started.

use std::io::IsTerminal;
use std::path::Path;

use crate::identity::Gate;

/// How long the link for the first admin works, in seconds; the next start prints a new one.
const FIRST_ADMIN_S: i64 = 60 * 60;

/// Where the first admin gets in, when there is none yet.
#[expect(
    clippy::print_stdout,
    reason = "a secret, which does not belong in a log"
)]
pub(super) async fn say_first_admin(gate: &Gate, here: &str) -> anyhow::Result<()> {
    if let Some(path) = gate.first_admin(FIRST_ADMIN_S).await? {
        let place = gate.origin().unwrap_or(here);
        println!("There is no admin yet. Become the first, within an hour, at {place}{path}");
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the one line that a person or a script waits for"
)]
pub(super) fn say_where(here: &str, has_demo: bool) {
    println!("Highwater is at {here}/");
    if std::io::stdout().is_terminal() {
        // The commands look for port 3000 by themselves.
        let url = if here.starts_with("http://") && here.ends_with(":3000") {
            String::new()
        } else {
            format!(" --url {here}")
        };
        let program = program();
        if has_demo {
            println!(
                "  {here}/stage   its services, and what flows between them; stop one and see"
            );
            println!("  {here}/shop    order something yourself");
        }
        println!("\nIn another terminal:");
        println!("  {program} tail{url} 'type:Order*'         events as they are recorded");
        println!(
            "  {program} import{url} events.ndjson.gz    a log of your own; it can be stopped and run again"
        );
        println!("  {program} doctor{url}                     whether all is well");
        println!("Ctrl-C stops it; what was recorded stays.\n");
    }
}

/// This program as a person would type it here.
fn program() -> String {
    let called = std::env::args()
        .next()
        .unwrap_or_else(|| "highwater".to_owned());
    std::env::current_dir()
        .ok()
        .and_then(|here| {
            let below = Path::new(&called).strip_prefix(here).ok()?;
            Some(below.display().to_string())
        })
        .unwrap_or(called)
}
