//! What a rule would have fired at: a strip of the last days, and a list that says the same.

use std::fmt::Write;

use highwater_model::alert_words::span;
use highwater_model::{AlertCondition, AlertEpisode, AlertPreview};
use leptos::prelude::*;

use crate::components::Time;
use crate::components::read_model_state::counted;

/// Width of the strip in its own units; the page stretches it.
const WIDTH: f64 = 1_000.0;
/// What is shorter would not be seen.
const LEAST: f64 = 3.0;
/// Times that are listed.
const LINES: usize = 8;

/// What was looked at last, as long as it is what is typed.
#[component]
pub fn Preview(
    /// The rule that was looked at, and what was found.
    previewed: RwSignal<Option<(AlertCondition, AlertPreview)>>,
    /// What is typed is what was looked at.
    seen: Memo<bool>,
) -> impl IntoView {
    move || {
        if !seen.get() {
            return None;
        }
        let (condition, preview) = previewed.get()?;
        Some(found(&condition, &preview))
    }
}

fn found(condition: &AlertCondition, preview: &AlertPreview) -> AnyView {
    if !preview.history {
        return ().into_any();
    }
    let lines: Vec<AnyView> = preview.episodes.iter().take(LINES).map(line).collect();
    let more = usize::try_from(preview.fires)
        .unwrap_or(0)
        .saturating_sub(lines.len());
    let more =
        (more > 0).then(|| view! { <li class="dim">{format!("and {more} times more")}</li> });
    let label = format!("When it would have fired that {condition}");
    view! {
        <figure class="card preview" aria-label=label>
            <div inner_html=strip(preview)></div>
            <figcaption class="dim">
                <Time at=preview.since />
                <span class="grow"></span>
                <Time at=preview.until />
            </figcaption>
            <ul>{lines} {more}</ul>
            <p class="dim">{preview.words.clone()}</p>
        </figure>
    }
    .into_any()
}

fn line(episode: &AlertEpisode) -> AnyView {
    let lasted = span(lasted(episode));
    let words = format!(
        " {}, for {lasted}, up to {} behind",
        episode.subject,
        span(episode.worst)
    );
    view! {
        <li>
            <span class="mono">
                <Time at=episode.fired_at />
            </span>
            {words}
        </li>
    }
    .into_any()
}

/// For how long it would have fired, in seconds.
fn lasted(episode: &AlertEpisode) -> f64 {
    episode
        .until
        .duration_since(episode.fired_at)
        .as_secs_f64()
        .max(0.0)
}

/// How often, and for how long.
pub(super) fn summary(preview: &AlertPreview) -> String {
    if !preview.history {
        return preview.words.clone();
    }
    if preview.fires == 0 {
        return "Within the last 7 days it would not have fired.".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of some weeks")]
    let seconds = preview.seconds as f64;
    format!(
        "Within the last 7 days it would have fired {}, for {} in all.",
        counted(preview.fires, "time", "times"),
        span(seconds)
    )
}

/// The drawing: the time that was looked at from left to right, what would have fired as bars.
fn strip(preview: &AlertPreview) -> String {
    let whole = preview
        .until
        .duration_since(preview.since)
        .as_secs_f64()
        .max(1.0);
    let mut out = format!(
        "<svg class=\"strip\" viewBox=\"0 0 {WIDTH} 24\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    for episode in &preview.episodes {
        let after = episode.fired_at.duration_since(preview.since);
        let x = (after.as_secs_f64() / whole * WIDTH).clamp(0.0, WIDTH - LEAST);
        let width = (lasted(episode) / whole * WIDTH).clamp(LEAST, WIDTH - x);
        // Writing into a text does not fail.
        let _ = write!(
            out,
            "<rect x=\"{x:.1}\" y=\"2\" width=\"{width:.1}\" height=\"20\"/>"
        );
    }
    out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(fires: i64) -> AlertPreview {
        let at = |hour: i64| jiff::Timestamp::from_second(1_767_225_600 + hour * 3_600).unwrap();
        let episode = |hour| AlertEpisode {
            subject: "totals".to_owned(),
            since: at(hour),
            fired_at: at(hour),
            until: at(hour + 1),
            worst: 90.0,
        };
        AlertPreview {
            since: at(0),
            until: at(10),
            history: true,
            words: "Looked at.".to_owned(),
            fires,
            seconds: fires * 3_600,
            episodes: (0..fires).map(|hour| episode(hour * 5)).collect(),
        }
    }

    #[test]
    fn it_says_how_often_and_for_how_long() {
        assert_eq!(
            summary(&preview(2)),
            "Within the last 7 days it would have fired 2 times, for 2 h in all."
        );
        assert_eq!(
            summary(&preview(0)),
            "Within the last 7 days it would not have fired."
        );
        let without = AlertPreview {
            history: false,
            ..preview(0)
        };
        assert_eq!(summary(&without), "Looked at.");
    }

    #[test]
    fn a_strip_shows_each_time_at_its_place() {
        let strip = strip(&preview(2));
        assert!(
            strip.contains("x=\"0.0\" y=\"2\" width=\"100.0\""),
            "{strip}"
        );
        assert!(strip.contains("x=\"500.0\""), "{strip}");
        assert!(!strip.contains("style="), "{strip}");
    }
}
