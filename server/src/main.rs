//! `highwater`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater::cli::main()
}
