//! The description of the interface: OpenAPI 3.1, served at `/openapi.json`.
//!
//! Each handler says by `#[utoipa::path]` what is its own: path, parameters, body, what it answers
//! when all is well, and refusals that no other has. What is the same for many routes is added
//! here, once, by [`finish`]: errors of the edge, headers, the envelope of errors. How to describe
//! a new route: `docs/openapi.md`.
//!
//! *Invariant*: a route is described exactly if it is served (`tests.rs` compares this document
//! with the router).

mod finish;
mod params;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde_json::Value;
use utoipa::OpenApi;

use crate::handlers::{admin, analytics, user};

pub(crate) use params::{EnvironmentHeader, IdempotencyHeader, UserQuery};
pub(crate) use schemas::{ClaimIdText, Environment, ProjectIdText, Success};

/// Every described handler. Those of events are in `events.rs`, since they share one handler.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "PRIV Protocol",
        description = include_str!("openapi/introduction.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Analytics", description = "What a project's events add up to."),
        (name = "User", description = "A person's consent, earnings and balance: for the person, \
            or for a project's server with a secret key that names a user."),
        (name = "Service", description = "For whoever runs it."),
        (name = "Operators", description = "Projects, keys, money and the live state."),
    ),
    paths(
        analytics::query_analytics,
        user::balance::get_balance,
        user::claim::claim_earnings,
        admin::projects::list_projects,
        show_openapi,
    )
)]
struct Described;

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let described = serde_json::to_value(Described::openapi());
    finish::finish(described.expect("a description is JSON"))
}

static SERVED: LazyLock<String> = LazyLock::new(|| document().to_string());

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "Service",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(SERVED.as_str())
}
