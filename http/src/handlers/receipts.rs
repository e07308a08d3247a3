//! Serves the public key of receipts.

use actix_web::{HttpResponse, web};

use crate::state::AppState;

/// The public keys of receipts, as a JWKS
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "Service",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(crate) async fn show_receipt_keys(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Cache-Control", "public, max-age=3600"))
        .json(state.receipts.public())
}
