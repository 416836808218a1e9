//! `highwater completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// `highwater completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Prints them.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    clap_complete::generate(
        args.shell,
        &mut super::Cli::command(),
        "highwater",
        &mut std::io::stdout(),
    );
    Ok(())
}
