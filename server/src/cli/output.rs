//! For people on a terminal, NDJSON in a pipe.

use std::io::{IsTerminal, Write, stdout};

use highwater_model::RecordedEvent;
use serde::Serialize;

/// True when a person reads.
pub fn for_people() -> bool {
    stdout().is_terminal()
}

/// One line of NDJSON.
pub fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// One line for people.
pub fn line(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    Ok(())
}

/// An event, a line, for whoever reads.
pub fn event(event: &RecordedEvent) -> anyhow::Result<()> {
    if !for_people() {
        return json(event);
    }
    let data: String = event.data.get().chars().take(160).collect();
    let more = if data.len() < event.data.get().len() {
        "…"
    } else {
        ""
    };
    let data: String = data
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line(&format!(
        "{:>10}  {}  {:<28} {}@{}  {data}{more}",
        event.position, event.recorded_at, event.event_type, event.stream, event.version
    ))
}
