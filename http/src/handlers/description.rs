//! Serves the OpenAPI document.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, Bytes};

/// The OpenAPI document, as JSON.
pub(crate) struct Description(pub(crate) Bytes);

/// The OpenAPI description of this API
#[utoipa::path(get, path = "/openapi.json", tag = "Service",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_openapi(description: web::Data<Description>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(description.0.clone())
}
