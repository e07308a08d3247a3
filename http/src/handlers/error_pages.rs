//! Serves the pages that `doc_url` leads to.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::error::{ErrorCode, NotFound};

/// What an error code means and what to do about it, in Markdown
///
/// # Errors
/// NOT_FOUND for a code that is not in the table.
#[utoipa::path(get, path = "/docs/errors/{code}", tag = "Service", description = "",
    params(("code" = String, Path, description = "As in an error.", example = "NOT_FOUND")),
    responses((status = 200, body = String, content_type = "text/markdown")))]
pub(crate) async fn show_error_page(code: web::Path<String>) -> Result<HttpResponse, NotFound> {
    let name = code.strip_suffix(".md").unwrap_or(&code);
    let code = ErrorCode::from_name(name)
        .ok_or_else(|| NotFound::new("There is no error code of this name"))?;
    Ok(HttpResponse::Ok()
        .content_type("text/markdown; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(code.page()))
}
