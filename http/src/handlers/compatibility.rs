//! Answers the other requests of Segment's and PostHog's clients, besides those with events.

use actix_web::{HttpResponse, web};
use uuid::Uuid;

use crate::error::Fault;
use crate::extract::context::{ChargedToAddress, Context};
use crate::ingest::{REMOTE_CONFIG_ANSWER, flags_answer, segment_settings_answer};

fn json(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body.into())
}

/// PostHog's feature flags: there are none
///
/// The body is ignored.
#[utoipa::path(post, path = "/flags/", tag = "Compatibility",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn list_feature_flags(_: ChargedToAddress) -> Result<HttpResponse, Fault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Fault::of(&error))?;
    let id = uuid::Builder::from_random_bytes(random).into_uuid();
    Ok(json(flags_answer(&Uuid::to_string(&id))))
}

/// Tells PostHog's browser client, which asks at its start, to record nothing but events
#[utoipa::path(get, path = "/array/{key}/config", tag = "Compatibility",
    params(("key" = String, Path, description = "A key. It is not looked at.")),
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_remote_config() -> HttpResponse {
    json(REMOTE_CONFIG_ANSWER)
}

/// Tells Segment's browser client, which asks at its start, to send everything here
#[utoipa::path(get, path = "/v1/projects/{key}/settings", tag = "Compatibility",
    params(("key" = String, Path, description = "A key. It is not looked at.")),
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_segment_settings(
    context: Context,
    key: web::Path<String>,
) -> HttpResponse {
    let (scheme, host) = context.0.public_address();
    json(segment_settings_answer(&key, &host, &scheme))
}
