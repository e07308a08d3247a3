//! Health, readiness, metrics.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::envelope::ok;
use crate::error::ApiError;
use crate::metrics;
use crate::state::AppState;

/// `GET /health`: the process answers.
pub(crate) async fn check_health() -> HttpResponse {
    ok(&json!({ "status": "alive" }))
}

/// `GET /ready`: recovered, writing, not draining.
pub(crate) async fn check_readiness(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    match (state.is_draining(), state.node.is_writing()) {
        (true, _) => Err(ApiError::overloaded(1).with_message("The service is stopping")),
        (false, false) => {
            Err(ApiError::overloaded(1).with_message("The journal has no room: is the disk full?"))
        }
        (false, true) => Ok(ok(&json!({ "status": "ready" }))),
    }
}

/// `GET /metrics`, in Prometheus' text format.
pub(crate) async fn show_metrics(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let text = web::block(move || metrics::text(&state))
        .await
        .map_err(|error| ApiError::server_error(&error))?
        .map_err(|error| ApiError::server_error(&error))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
