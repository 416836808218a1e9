//! How a job goes and what became of it, in words.

use highwater_model::{Job, JobKind, JobState};
use leptos::prelude::*;
use serde_json::Value;

use crate::format;
use crate::live::Live;

/// A kind as a person says it.
pub fn kind_word(kind: JobKind) -> &'static str {
    match kind {
        JobKind::GoBack => "go back",
        JobKind::RebuildPart => "rebuild of a part",
        other => other.as_str(),
    }
}

/// What a job does to a read model, whose name follows.
pub fn does_to(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Rebuild => "rebuild of",
        JobKind::Promote => "promotion of",
        JobKind::GoBack => "back to the previous version of",
        JobKind::Replay => "replay of",
        JobKind::RebuildPart => "rebuild of a part of",
    }
}

/// A job's state as colour, shape and word.
#[component]
pub fn JobBadge(
    /// The state.
    #[prop(into)]
    state: Signal<JobState>,
) -> impl IntoView {
    view! {
        <span class=move || format!("pill state job-{}", state.get().as_str())>
            <span class="dot" aria-hidden="true"></span>
            {move || state.get().as_str()}
        </span>
    }
    .into_any()
}

/// How long it took; none while it is not over.
pub fn took(job: &Job) -> Option<String> {
    let (began, ended) = (job.started_at?, job.ended_at?);
    Some(format::span(
        ended.as_millisecond() - began.as_millisecond(),
    ))
}

/// How much is done, as a whole number of hundredths.
pub fn percent(job: &Job) -> i64 {
    if job.total <= 0 {
        return if job.state == JobState::Done { 100 } else { 0 };
    }
    (job.done.clamp(0, job.total) * 100) / job.total
}

/// What was measured, each with its name: `12 000 events`, `6.1 s`.
pub fn numbers(job: &Job) -> Vec<(String, String)> {
    let Value::Object(numbers) = &job.numbers else {
        return Vec::new();
    };
    let mut told: Vec<(String, String)> = numbers
        .iter()
        .map(|(name, value)| {
            let said = match (name.as_str(), value.as_i64(), value.as_f64()) {
                ("seconds", _, Some(seconds)) => seconds_of_work(seconds),
                (_, Some(whole), _) => format::number(whole),
                _ => value.to_string(),
            };
            (name.replace('_', " "), said)
        })
        .collect();
    if let Some(rate) = mean_rate(job) {
        told.push(("events / s".to_owned(), format::rate(rate)));
    }
    told
}

/// Events a second over the whole job; none before it is over.
pub fn mean_rate(job: &Job) -> Option<f64> {
    let number = |name: &str| job.numbers.get(name).and_then(Value::as_f64);
    let (events, seconds) = (number("events")?, number("seconds")?);
    (seconds > 0.0 && events > 0.0).then(|| events / seconds)
}

/// Seconds that were worked: `6.1 s`.
pub fn seconds_of_work(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds")]
    format::span((seconds * 1_000.0) as i64)
}

/// How far a running job is, how fast, and when it will be ready.
#[component]
pub fn JobProgress(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
) -> impl IntoView {
    let done = move || {
        job.with(|job| {
            format!(
                "{} of {}",
                format::number(job.done),
                format::number(job.total)
            )
        })
    };
    let share = move || job.with(|job| format!("{} %", percent(job)));
    let rate = move || job.with(|job| format!("{} / s", format::rate(job.rate)));
    let limit = move || {
        job.with(|job| {
            job.speed_limit.map_or_else(
                || "no limit".to_owned(),
                |limit| format!("{} / s at most", format::number(i64::from(limit))),
            )
        })
    };
    let checkpoint = move || {
        job.with(|job| {
            job.checkpoint
                .map_or_else(|| "none yet".to_owned(), |place| format::number(place.0))
        })
    };
    let doing = Memo::new(move |_| job.with(|job| job.doing.clone()));
    let doing = move || {
        doing
            .get()
            .map(|doing| view! { <p class="dim">{format!("Now: {doing}.")}</p> })
    };
    view! {
        <progress
            aria-label="Events handled"
            max=move || job.with(|job| job.total.max(1))
            prop:value=move || job.with(|job| whole(job.done))
            value=move || job.with(|job| job.done)
        ></progress>
        <dl class="gauges">
            <div>
                <dt>"events handled"</dt>
                <dd>
                    <strong>{share}</strong>
                    <span>{done}</span>
                </dd>
            </div>
            <div>
                <dt>"speed"</dt>
                <dd>
                    <strong>{rate}</strong>
                    <span>{limit}</span>
                </dd>
            </div>
            <div>
                <dt>"ready"</dt>
                <dd>
                    <strong>
                        <ReadyIn job />
                    </strong>
                    <span>"as fast as it was and as it is"</span>
                </dd>
            </div>
            <div>
                <dt>"checkpoint"</dt>
                <dd>
                    <strong>{checkpoint}</strong>
                    <span>"everything up to here is handled"</span>
                </dd>
            </div>
        </dl>
        {doing}
    }
    .into_any()
}

/// When it will be ready, as a range that ticks between two messages of the feed.
#[component]
pub fn ReadyIn(
    /// The job.
    job: Signal<Job>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let heard = RwSignal::new(None::<f64>);
    let eta = Memo::new(move |_| job.with(|job| job.eta));
    Effect::new(move || {
        eta.track();
        heard.set(Some(js_sys::Date::now()));
    });
    move || match eta.get() {
        Some(eta) => {
            let passed = live
                .now
                .get()
                .zip(heard.get())
                .map_or(0.0, |(now, heard)| ((now - heard) / 1_000.0).max(0.0));
            format!("in {}", format::between(eta.from - passed, eta.to - passed))
        }
        None => "not known yet".to_owned(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of events stay far below 2^53"
)]
fn whole(number: i64) -> f64 {
    number as f64
}
