//! The command line: one file a command.
//!
//! # Adding a command
//! A file with its `Args` and `run`, a variant of [`Command`], an arm in [`main`]. It is a client of the API like any other
//! ([`client`]), speaks to people on a terminal and NDJSON in a pipe ([`output`]).

pub mod append;
pub mod audit;
pub mod backup;
pub mod check;
mod check_state;
pub mod client;
pub mod completions;
pub mod demo;
pub mod demo_log;
pub mod doctor;
pub mod export;
pub mod import;
pub mod output;
mod patience;
mod reference;
pub mod restore;
mod socket;
pub mod tail;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ServeArgs;

/// The live console for event-sourced, CQRS systems on Postgres.
#[derive(Debug, Parser)]
#[command(
    name = "highwater",
    version,
    propagate_version = true,
    max_term_width = 110
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the server
    Serve(ServeArgs),
    /// Imports a file of events, NDJSON or gzipped NDJSON; can be stopped and run again
    Import(import::ImportArgs),
    /// Writes the log as NDJSON, exactly what import takes
    Export(export::ExportArgs),
    /// Appends events to a stream
    Append(append::AppendArgs),
    /// Shows events as they are recorded
    Tail(tail::TailArgs),
    /// Tries whether a read model's rows depend on how the log is sliced
    Check(check::CheckArgs),
    /// Verifies the audit log
    Audit(audit::AuditArgs),
    /// Checks database, versions, rights, disk and mark, and says what to do
    Doctor(doctor::DoctorArgs),
    /// Writes an archive of Highwater's own database, while a server runs on it or none does
    Backup(backup::BackupArgs),
    /// Makes the database of a new data folder from such an archive
    Restore(restore::RestoreArgs),
    /// Runs a service of the demo shop, or all of them, as clients of the server
    Demo(demo::DemoArgs),
    /// Prints events of the demo shop, as many as you like, as import takes them
    DemoLog(demo_log::DemoLogArgs),
    /// Prints the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Prints all commands with their arguments and variables, as docs/reference.md has them
    #[command(hide = true)]
    Reference,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => crate::serve::run(&args),
        Command::Import(args) => client::block_on(import::run(args)),
        Command::Export(args) => client::block_on(export::run(args)),
        Command::Append(args) => client::block_on(append::run(args)),
        Command::Tail(args) => client::block_on(tail::run(args)),
        Command::Check(args) => client::block_on(check::run(args)),
        Command::Audit(args) => client::block_on(audit::run(args)),
        Command::Doctor(args) => doctor::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Demo(args) => client::block_on(demo::run(args)),
        Command::DemoLog(args) => demo_log::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Reference => reference::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("highwater: {error:#}");
            ExitCode::FAILURE
        }
    }
}
