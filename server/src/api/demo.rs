//! The demo shop: its commands, which answer with the position of what came of them, and its services. Only with `highwater serve --demo`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_demo::services::client::ClientError;
use highwater_demo::services::shopfront::{CommandError, Shopfront};
use highwater_model::demo::{
    Demo, DemoGood, DemoOrderBody, DemoPiecesBody, DemoScenario, DemoService, DemoServiceBody,
    DemoServiceState, DemoServiceWish, DemoTaken, ORDERS_PER_SECOND_MAX, PlayBody, Playing,
    Traffic,
};
use highwater_model::{OrderBody, Problem};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json as parsed};
use super::orders::order;
use super::problem::{ApiError, ApiResult, internal};
use crate::caller::Caller;
use crate::demo::playing::PlayError;
use crate::demo::{DemoError, DemoShop};
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(demo))
        .routes(routes!(goods))
        .routes(routes!(place_order))
        .routes(routes!(cancel_order))
        .routes(routes!(receive_pieces))
        .routes(routes!(set_service))
        .routes(routes!(crash_service))
        .routes(routes!(set_traffic))
        .routes(routes!(scenarios))
        .routes(routes!(play))
        .routes(routes!(lead, end_playing))
        .routes(routes!(next_step))
}

/// The shop that this server runs.
fn shop(state: &AppState) -> ApiResult<&DemoShop> {
    state.demo.as_ref().ok_or_else(|| {
        let detail = "This server runs no demo shop; start one with: highwater serve --demo.";
        ApiError(Problem::new(
            404,
            "no_demo",
            "There is no demo shop",
            detail,
        ))
    })
}

/// The demo shop: its services, each a process of its own, and how customers order.
#[utoipa::path(get, path = "/api/demo", security(("login" = ["read"]), ("login" = ["look"])), tag = "demo",
    responses((status = 200, body = Demo), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json")))]
async fn demo(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Demo>> {
    Ok(Json(sight::demo(&caller.sight(), shop(&state)?.now())))
}

/// What the demo shop sells. How many pieces there are its read model `stock_levels` tells.
#[utoipa::path(get, path = "/api/demo/goods", security(("login" = ["read"])), tag = "demo",
    responses((status = 200, body = Vec<DemoGood>), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json")))]
async fn goods(State(state): State<AppState>) -> ApiResult<Json<Vec<DemoGood>>> {
    shop(&state)?;
    Ok(Json(Shopfront::goods()))
}

/// Places an order in the demo shop. The read model `order_progress` shows it when it has handled the position.
#[utoipa::path(post, path = "/api/demo/orders", security(("login" = ["append"])), tag = "demo", request_body = DemoOrderBody,
    responses((status = 201, body = DemoTaken), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_order: field and why", body = Problem, content_type = "application/problem+json")))]
async fn place_order(
    State(state): State<AppState>,
    request: Request,
) -> ApiResult<(StatusCode, Json<DemoTaken>)> {
    let shop = shop(&state)?;
    let wanted: DemoOrderBody = parsed(&body(request, &state).await?)?;
    Ok((
        StatusCode::CREATED,
        Json(shop.front().place(&wanted).await?),
    ))
}

/// Asks for the end of an order that is under way. What it has taken is given back; one whose parcel has left goes on.
#[utoipa::path(post, path = "/api/demo/orders/{order}/cancel", security(("login" = ["append"])), tag = "demo", params(("order" = String, Path, description = "Its stream")),
    request_body = Option<OrderBody>,
    responses((status = 200, body = DemoTaken), (status = 404, description = "no_demo, not_found", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it has arrived", body = Problem, content_type = "application/problem+json")))]
async fn cancel_order(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<DemoTaken>> {
    let shop = shop(&state)?;
    let reason = super::orders::order_of(&caller, request, &state)
        .await?
        .reason;
    let reason = reason.as_deref().unwrap_or("not wanted any more");
    Ok(Json(shop.front().cancel(&name, reason).await?))
}

/// Takes in pieces of a good of the demo shop.
#[utoipa::path(post, path = "/api/demo/goods/{sku}/receive", security(("login" = ["append"])), tag = "demo", params(("sku" = String, Path)), request_body = DemoPiecesBody,
    responses((status = 200, body = DemoTaken), (status = 404, description = "no_demo, not_found", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_order", body = Problem, content_type = "application/problem+json")))]
async fn receive_pieces(
    State(state): State<AppState>,
    Path(sku): Path<String>,
    request: Request,
) -> ApiResult<Json<DemoTaken>> {
    let shop = shop(&state)?;
    let sent: DemoPiecesBody = parsed(&body(request, &state).await?)?;
    Ok(Json(shop.front().receive(&sku, sent.pieces).await?))
}

/// Starts a service of the demo shop, slows it down to one event at a time, or stops it: its process. The others go on.
#[utoipa::path(put, path = "/api/demo/services/{name}", security(("login" = ["administer"])), tag = "demo", params(("name" = String, Path)), request_body = DemoServiceBody,
    responses((status = 200, description = "As it is now; it may take a moment", body = DemoService),
              (status = 404, description = "no_demo, not_found", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it hears of no events, so it can't be slower", body = Problem, content_type = "application/problem+json")))]
async fn set_service(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<DemoService>> {
    let shop = shop(&state)?;
    let wanted: DemoServiceBody = parsed(&body(request, &state).await?)?;
    let before = shop.service(&name)?.state;
    let (action, after) = match wanted.state {
        DemoServiceWish::Running => ("start_service", DemoServiceState::Running),
        DemoServiceWish::Slow => ("slow_service", DemoServiceState::Slow),
        DemoServiceWish::Stopped => ("stop_service", DemoServiceState::Stopped),
    };
    shop.set(&name, wanted.state)?;
    note(&state, &caller, action, &name, before, after).await?;
    Ok(Json(shop.service(&name)?))
}

/// Kills the process of a service of the demo shop; ten seconds later it is started again.
#[utoipa::path(post, path = "/api/demo/services/{name}/crash", security(("login" = ["administer"])), tag = "demo", params(("name" = String, Path)),
    responses((status = 200, description = "As it is now; it takes a moment", body = DemoService),
              (status = 404, description = "no_demo, not_found", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is not at work", body = Problem, content_type = "application/problem+json")))]
async fn crash_service(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<DemoService>> {
    let shop = shop(&state)?;
    let before = shop.service(&name)?.state;
    shop.crash(&name)?;
    note(
        &state,
        &caller,
        "crash_service",
        &name,
        before,
        DemoServiceState::Crashed,
    )
    .await?;
    Ok(Json(shop.service(&name)?))
}

/// From now on customers of the demo shop order so.
#[utoipa::path(put, path = "/api/demo/traffic", security(("login" = ["administer"])), tag = "demo", request_body = Traffic,
    responses((status = 200, body = Traffic), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_traffic", body = Problem, content_type = "application/problem+json")))]
async fn set_traffic(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Traffic>> {
    let shop = shop(&state)?;
    let wanted: Traffic = parsed(&body(request, &state).await?)?;
    if !wanted.is_possible() {
        let rate = wanted.orders_per_second;
        let detail =
            format!("{rate} orders a second can't be placed; give 0 to {ORDERS_PER_SECOND_MAX}.");
        let problem = Problem::new(422, "bad_traffic", "The traffic is not right", detail);
        return Err(ApiError(problem.with("field", "orders_per_second")));
    }
    let order = order(&caller, None)?;
    let before = json!({ "traffic": shop.now().traffic });
    let after = json!({ "traffic": wanted });
    state
        .store
        .note_action(&order, "traffic", None, before, after)
        .await?;
    shop.set_traffic(wanted);
    Ok(Json(wanted))
}

/// What can be shown on the Stage with the demo shop.
#[utoipa::path(get, path = "/api/demo/scenarios", security(("login" = ["read"])), tag = "demo",
    responses((status = 200, body = Vec<DemoScenario>), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json")))]
async fn scenarios(State(state): State<AppState>) -> ApiResult<Json<Vec<DemoScenario>>> {
    shop(&state)?;
    Ok(Json(DemoShop::scenarios()))
}

/// Plays a scenario. One is played at a time, and whoever looks at the Stage sees the same; at its end the shop is as it was before.
#[utoipa::path(post, path = "/api/demo/scenarios/{name}/play", security(("login" = ["administer"])), extensions(("x-confirm" = json!("name"))), tag = "demo", params(("name" = String, Path)), request_body = Option<PlayBody>,
    responses((status = 202, body = Playing), (status = 404, description = "no_demo, not_found", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: one is played", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_play", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn play(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Playing>)> {
    let shop = shop(&state)?;
    let sent = body(request, &state).await?;
    let sent = if sent.is_empty() {
        PlayBody::default()
    } else {
        parsed(&sent)?
    };
    let playing = shop.play(&name, sent, &caller.name, &state.store, &state.read_models)?;
    let order = order(&caller, None)?;
    let after = json!({ "scenario": name });
    state
        .store
        .note_action(&order, "play_scenario", None, json!({}), after)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(playing)))
}

/// Leads the scenario that is played: pauses it, lets it go on, faster or slower, or with another chapter.
#[utoipa::path(put, path = "/api/demo/playing", security(("login" = ["administer"])), tag = "demo", request_body = PlayBody,
    responses((status = 200, body = Playing), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: none is played", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_play", body = Problem, content_type = "application/problem+json")))]
async fn lead(State(state): State<AppState>, request: Request) -> ApiResult<Json<Playing>> {
    let shop = shop(&state)?;
    let sent: PlayBody = parsed(&body(request, &state).await?)?;
    Ok(Json(shop.lead(sent)?))
}

/// Lets the scenario go on at once, whatever it waits for.
#[utoipa::path(post, path = "/api/demo/playing/next", security(("login" = ["administer"])), tag = "demo",
    responses((status = 200, body = Playing), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: none is played", body = Problem, content_type = "application/problem+json")))]
async fn next_step(State(state): State<AppState>) -> ApiResult<Json<Playing>> {
    Ok(Json(shop(&state)?.next_step()?))
}

/// Ends the scenario that is played; the shop is as it was before.
#[utoipa::path(delete, path = "/api/demo/playing", security(("login" = ["administer"])), tag = "demo",
    responses((status = 204, description = "It ends"), (status = 404, description = "no_demo", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: none is played", body = Problem, content_type = "application/problem+json")))]
async fn end_playing(State(state): State<AppState>) -> ApiResult<StatusCode> {
    shop(&state)?.end_playing()?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts on record what was done to a service. Its subscription has its name.
async fn note(
    state: &AppState,
    caller: &Caller,
    action: &str,
    name: &str,
    before: DemoServiceState,
    after: DemoServiceState,
) -> ApiResult<()> {
    let order = order(caller, None)?;
    let (before, after) = (json!({ "state": before }), json!({ "state": after }));
    let note = state
        .store
        .note_action(&order, action, Some(name), before, after);
    Ok(note.await?)
}

impl From<DemoError> for ApiError {
    fn from(error: DemoError) -> Self {
        let detail = format!("{error}.");
        Self(match error {
            DemoError::Unknown { .. } => {
                Problem::new(404, "not_found", "Not found", detail).with("what", "service")
            }
            DemoError::HearsNothing { .. } | DemoError::NotThere { .. } => {
                Problem::new(409, "refused", "Refused", detail)
            }
        })
    }
}

impl From<PlayError> for ApiError {
    fn from(error: PlayError) -> Self {
        let detail = format!("{error}.");
        Self(match error {
            PlayError::Unknown { .. } => {
                Problem::new(404, "not_found", "Not found", detail).with("what", "scenario")
            }
            PlayError::Busy { .. } | PlayError::Nothing => {
                Problem::new(409, "refused", "Refused", detail)
            }
            PlayError::Bad(_) => Problem::new(422, "bad_play", "It can't be played so", detail),
        })
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        Self(match error {
            CommandError::Bad { field, why } => {
                Problem::new(422, "bad_order", "The order is not right", why).with("field", field)
            }
            CommandError::Missing(why) => Problem::new(404, "not_found", "Not found", why),
            CommandError::Refused(why) => Problem::new(409, "refused", "Refused", why),
            CommandError::Store(ClientError::Missing | ClientError::Conflict) => internal(),
            CommandError::Store(error) => Problem::new(
                503,
                "demo_unavailable",
                "The shop can't take it now",
                error.to_string(),
            )
            .with("retry_after", 1),
        })
    }
}
