//! Starts an embedded Postgres on the folder given, prints its process id and URL, and holds it until its input ends.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use highwater_postgres::{Binaries, Embedded, Options, PostgresError};

fn main() -> Result<(), PostgresError> {
    let mut notice = |text: &str| eprintln!("{text}");
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "postgres-data".to_owned());
    let binaries = Binaries::find_or_fetch(&mut notice)?;
    let server = Embedded::start(
        &binaries,
        &Options {
            throwaway: true,
            ..Options::new(folder)
        },
        &mut notice,
    )?;
    println!("{}\n{}", server.pid(), server.url());
    let _ = std::io::stdin().read_line(&mut String::new());
    server.stop();
    Ok(())
}
