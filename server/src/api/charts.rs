//! Charts as pictures, for a report: `GET /api/charts/{file}`.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use highwater_app::chart::{COLOURS, Plot, Range, Shape, Unit, series};
use highwater_model::{Problem, Span};
use highwater_store::read_models::LagHistoryQuery;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, out_of_range, time_range};
use super::lag_history::known;
use super::problem::{ApiError, ApiResult, internal};
use crate::picture::{Picture, Theme};
use crate::state::AppState;

/// Pixels of a picture: less can't be read, more is memory for everybody who asks.
const WIDTH: (i64, i64) = (320, 2_400);
const HEIGHT: (i64, i64) = (180, 1_600);

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(chart))
}

/// Colours of a picture.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartTheme {
    /// On white, as paper is.
    #[default]
    Light,
    /// As the console's dark theme.
    Dark,
}

/// What is drawn, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChartParams {
    /// Up to now: `15m` (unless something else is given), `1h`, `6h`, `24h`, `7d`.
    range: Option<Span>,
    /// From here on, RFC 3339, instead of `range`.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Up to here, RFC 3339; now unless given.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// Pixels, 320 to 2,400; 960 unless given.
    width: Option<i64>,
    /// Pixels, 180 to 1,600; 320 unless given.
    height: Option<i64>,
    /// `light` unless given.
    theme: Option<ChartTheme>,
    /// Of `lag`: this read model alone, instead of the worst.
    read_model: Option<String>,
}

/// A chart with title, labels and legend, times in UTC. `appends`: events recorded a second. `lag`: seconds that read models were
/// behind, of the worst ones or of one.
#[utoipa::path(get, path = "/api/charts/{file}", security(("login" = ["read"])), tag = "read",
    params(("file" = String, Path, description = "`appends.svg`, `appends.png`, `lag.svg` or `lag.png`"), ChartParams),
    responses((status = 200, description = "The picture", content((String = "image/svg+xml"), (Vec<u8> = "image/png"))),
              (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn chart(
    State(state): State<AppState>,
    Path(file): Path<String>,
    Query(params): Query<ChartParams>,
) -> ApiResult<Response> {
    let unknown = || {
        ApiError::not_found(
            "chart",
            format!(
                "There is no chart {file}; there are appends.svg, appends.png, lag.svg and lag.png."
            ),
        )
    };
    let (name, ending) = file.rsplit_once('.').ok_or_else(unknown)?;
    if !["svg", "png"].contains(&ending) {
        return Err(unknown());
    }
    let size = (
        pixels("width", params.width, 960, WIDTH)?,
        pixels("height", params.height, 320, HEIGHT)?,
    );
    let theme = match params.theme.unwrap_or_default() {
        ChartTheme::Light => Theme::Light,
        ChartTheme::Dark => Theme::Dark,
    };
    let shown = shown(&state, &params)?;
    let (title, plot) = match name {
        "appends" if params.read_model.is_some() => {
            return Err(bad(
                "read_model is of lag alone; leave it out, or ask for lag.",
            ));
        }
        "appends" => ("Append rate".to_owned(), appends(&state, shown).await?),
        "lag" => lag(&state, shown, params.read_model).await?,
        _ => return Err(unknown()),
    };
    let picture = Picture {
        title,
        plot,
        size,
        theme,
    };
    // Drawing a large one takes the time of many requests.
    let png = ending == "png";
    let drawn = tokio::task::spawn_blocking(move || {
        if png {
            picture.png()
        } else {
            picture.svg().map(String::into_bytes)
        }
    });
    let bytes = drawn.await.ok().and_then(Result::ok).ok_or_else(|| {
        tracing::error!(chart = %file, "a chart could not be drawn");
        ApiError(internal())
    })?;
    let kind = if png { "image/png" } else { "image/svg+xml" };
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::bad_request("bad_query", "The query parameters are not right", detail)
}

fn pixels(name: &str, given: Option<i64>, usual: u32, (least, most): (i64, i64)) -> ApiResult<u32> {
    match given {
        None => Ok(usual),
        Some(given) if (least..=most).contains(&given) => Ok(u32::try_from(given).unwrap_or(usual)),
        Some(given) => Err(out_of_range(
            name,
            given,
            &format!("{least} to {most} pixels"),
        )),
    }
}

/// A range, with its ends at this moment.
struct Shown {
    range: Range,
    ends: (Timestamp, Timestamp),
    now: Timestamp,
}

fn shown(state: &AppState, params: &ChartParams) -> ApiResult<Shown> {
    let now = state.store.clock().now();
    if params.range.is_some() && (params.since.is_some() || params.until.is_some()) {
        return Err(bad("Give range, or since with or without until, not both."));
    }
    let range = match (params.range, params.since, params.until) {
        (Some(span), ..) => Range::Last(span),
        (None, None, None) => Range::Last(Span::Quarter),
        (None, since, until) => {
            let (since, until) = time_range(state, since, until)?;
            Range::Between(since, until)
        }
    };
    let ends = range.at(now);
    Ok(Shown { range, ends, now })
}

async fn appends(state: &AppState, shown: Shown) -> ApiResult<Plot> {
    let (since, until) = shown.ends;
    let everything = super::extract::filter(None)?;
    let histogram = state
        .store
        .histogram(since, until, shown.range.parts(), &everything)
        .await?;
    let series = series::appends(&histogram, shown.now);
    Ok(Plot::new(shown.ends, Unit::Rate, vec![series], 0))
}

async fn lag(
    state: &AppState,
    shown: Shown,
    read_model: Option<String>,
) -> ApiResult<(String, Plot)> {
    let name = known(state, read_model).await?;
    let title = match &name {
        Some(name) => format!("Lag of {name}"),
        None => "Lag of the worst read models".to_owned(),
    };
    let (since, until) = shown.ends;
    let query = LagHistoryQuery {
        since,
        until,
        step_s: Some(shown.range.step_s()),
        worst: i64::try_from(COLOURS).unwrap_or(5),
        name,
    };
    let history = state.store.lag_histories(&query).await?;
    let of = history.read_models.iter();
    let series = of.map(|of| series::lag(&history, of, Shape::Line));
    Ok((
        title,
        Plot::new(shown.ends, Unit::Seconds, series.collect(), 0),
    ))
}
