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
            "of 0.95 ms for a batch of 30 events Postgres works 0.45 (0.1 in reading JSON, 0.1 in rows, 0.1 in indexes, the rest in the statement and \
             the commit), the flush takes 0.2, and 0.3 are hand-overs between processes and the writers' own work; what is left to take out is the \
             flush, by letting go of the log's lock before it. With a flush of 1 ms, as of a cloud disk (the long form), the goals are met: it is \
             where a flush is nearly free that both cores are full with writers, appender and Postgres"
        }
        "append_solo" => {
            "a lone append is a statement of 0.12 to 0.16 ms where a plain insert is less, and goes through the appender's queue and back"
        }
        "append_http" => {
            "client, server and Postgres share the cores: a seventh of the server's time is its allocator, in the layers around a handler; the feed \
             reads each batch once more"
        }
        "fanout" => {
            "both cores are busy all the time: with 1,800 readers that each want every event, 1.8 M deliveries a second are due, and 1.3 M are what \
             the machine gets through. The server has a good half of it and is in the kernel's send for three fifths of that, half of which is copying; \
             the readers, who would be elsewhere, have most of the rest. Later frames hold more events, so nobody falls behind for good"
        }
        "fanout_memory" => {
            "the WebSocket of each connection keeps a buffer as large as the largest frame that it was sent, and frames grow when the machine is behind"
        }
        "rebuild_fold" => {
            "Postgres is busy all the time, four fifths of it with making text of the events' JSON; on two cores it shares them with who reads"
        }
        "import" => {
            "COPY writes rows and does nothing else; an import finds each event's stream and version, checks that its id is new, keeps the streams' and \
             types' summaries, and lets no other append in between; over HTTP each line is parsed and checked on the same two cores"
        }
        "page_read" => {
            "a page asks for the log's end first, which the scan does not, and then learns the names of streams that it has not met yet; what else it \
             does, reading rows and JSON, the scan does as well"
        }
        "wake" => {
            "an append of its own takes 1 to 5 ms here, and another process is told at most every 2 ms; on a noisy machine the slowest hundredth is the \
             scheduler's"
        }
        "console_e2e" => {
            "a frame makes the new rows only; what the browser still does a frame, at a thousand new rows a second, was not profiled"
        }
        _ => "not found out yet",
    }
}
