//! Why a figure misses its goal, as far as it was found out: printed under the table while it does.

/// What is known of a bench by this name.
pub(crate) fn why_missed(name: &str) -> &'static str {
    match name {
        "weight" => {
            "half of the program's code is that of Leptos' views (tachys and reactive_graph); what those carry for lazy pages is left out already; erased \
             components gain 6 %, other settings of wasm-opt nothing; every page is in the one program, so each new page makes the first visit \
             heavier: parts that are loaded when needed would mend that"
        }
        "append_contended" | "append_swarm" | "append_vs_naive" => {
            "of 1.1 ms for a batch of 30 events Postgres works 0.5 (0.34 in the statement, the rest in reading JSON and committing), the flush takes 0.2, \
             and 0.4 are hand-overs between processes and the writers' own work; what is left to take out is the flush, by letting go of the log's \
             lock before it"
        }
        "append_solo" => {
            "a lone append is a statement of 0.12 to 0.16 ms where a plain insert is less, and goes through the appender's queue and back"
        }
        "append_http" => {
            "client, server and Postgres share the cores: a seventh of the server's time is its allocator, in the layers around a handler; the feed \
             reads each batch once more"
        }
        "rebuild_fold" => {
            "both cores are full while it runs: half of it is Postgres sending the events, which reading alone does as well, the other half reads them, \
             checks their JSON, parses it once more for the fold and keeps the states; reading alone leaves a part of a core idle"
        }
        "console_e2e" => {
            "a frame makes the new rows only; what the browser still does a frame, at a thousand new rows a second, was not profiled"
        }
        _ => "not found out yet",
    }
}
