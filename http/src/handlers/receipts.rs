//! The public key of receipts.

use actix_web::{HttpResponse, web};

use crate::state::AppState;

/// `GET /.well-known/jwks.json`
pub(crate) async fn show_receipt_keys(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Cache-Control", "public, max-age=3600"))
        .json(state.receipts.public())
}
