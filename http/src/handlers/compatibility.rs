//! What other vendors' clients ask for beside sending events.

use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use crate::error::ApiError;
use crate::ingest::{REMOTE_CONFIG_ANSWER, flags_answer, segment_settings_answer};
use crate::middleware::RequestContext;

fn json(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body.into())
}

/// PostHog's feature flags: there are none
///
/// Whatever is sent, it is not looked at.
#[utoipa::path(post, path = "/flags/", tag = "Compatibility",
    responses((status = 200, body = Object, content_type = "application/json"), (status = 500)))]
pub(crate) async fn list_feature_flags(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    RequestContext::of(&request)?.charge_address()?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| ApiError::server_error(&error))?;
    let id = uuid::Builder::from_random_bytes(random).into_uuid();
    Ok(json(flags_answer(&Uuid::to_string(&id))))
}

/// What PostHog's browser client asks for at start: nothing is recorded but events
#[utoipa::path(get, path = "/array/{key}/config", tag = "Compatibility",
    params(("key" = String, Path, description = "A key. It is not looked at.")),
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_remote_config() -> HttpResponse {
    json(REMOTE_CONFIG_ANSWER)
}

/// What Segment's browser client asks for at start: send everything here
#[utoipa::path(get, path = "/v1/projects/{key}/settings", tag = "Compatibility",
    params(("key" = String, Path, description = "A key. It is not looked at.")),
    responses((status = 200, body = Object, content_type = "application/json"), (status = 500)))]
pub(crate) async fn show_segment_settings(
    request: HttpRequest,
    key: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (scheme, host) = RequestContext::of(&request)?.public_address();
    Ok(json(segment_settings_answer(&key, &host, &scheme)))
}
