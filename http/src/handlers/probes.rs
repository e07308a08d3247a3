//! Health, readiness and metrics.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Fault, Overloaded};
use crate::metrics;
use crate::state::AppState;
use crate::wire::envelope::{Success, ok};

#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthView {
    #[schema(examples("alive"))]
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(get, path = "/health", tag = "Service",
    responses((status = 200, body = Success<HealthView>)))]
pub(crate) async fn check_health() -> HttpResponse {
    ok(&HealthView { status: "alive" })
}

/// Whether the service has recovered, can write, and is not about to stop
#[utoipa::path(get, path = "/ready", tag = "Service",
    responses((status = 200, body = Success<HealthView>)))]
pub(crate) async fn check_readiness(
    state: web::Data<AppState>,
) -> Result<HttpResponse, Overloaded> {
    if state.node.has_failed() {
        return Err(Overloaded::new("A part of the service has failed, and it is ending"));
    }
    match (state.is_draining(), state.node.is_writing()) {
        (true, _) => Err(Overloaded::new("The service is stopping")),
        (false, false) => Err(Overloaded::new("The journal has no room: is the disk full?")),
        (false, true) => Ok(ok(&HealthView { status: "ready" })),
    }
}

/// Metrics, in Prometheus' text format
///
/// Where `PRIV_METRICS_LISTEN` is set, they are served on that address instead.
#[utoipa::path(get, path = "/metrics", tag = "Service",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn show_metrics(state: web::Data<AppState>) -> Result<HttpResponse, Fault> {
    let text = web::block(move || metrics::text(&state))
        .await
        .map_err(|error| Fault::of(&error))?
        .map_err(|error| Fault::of(&error))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
