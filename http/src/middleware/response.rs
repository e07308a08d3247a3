//! Completes every answer: puts errors into the envelope, and adds the headers.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError};

use super::context::RequestContext;
use super::cors;
use super::request_id::REQUEST_ID;
use super::translate::{translate, translate_status};
use crate::error::{ApiError, write_error_body};

static JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Completes an answer: settles the charge, puts an error into the envelope, and adds the headers.
pub(super) fn finish(
    context: &RequestContext,
    mut response: HttpResponse<BoxBody>,
) -> HttpResponse<BoxBody> {
    settle_charge(context, &mut response);
    let status = response.status();
    if (status.is_client_error() || status.is_server_error())
        && let Some(error) = error_of(&mut response)
    {
        response = in_envelope(context, response, &error);
    }
    let headers = response.headers_mut();
    let waits = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if waits.contains(&status) && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    headers.insert(REQUEST_ID.clone(), context.request_id.clone());
    context.decision().add_headers(headers);
    let allowed = &context.shared.config.allowed_origins;
    cors::add_headers(headers, context.group, context.origin.as_ref(), allowed);
    response
}

/// Charges the client's address if the key was expected in the body and not found there. The
/// request has been refused for a reason of its own by then; but once the address has used up its
/// requests, the limit becomes the reason.
fn settle_charge(context: &RequestContext, response: &mut HttpResponse<BoxBody>) {
    let is_pending = context.charge.get().is_none() && context.group == super::group::Group::Ingest;
    if is_pending
        && response.status().is_client_error()
        && let Err(refusal) = context.charge_address()
    {
        *response = refusal.error_response();
    }
}

/// The error in an answer; `None` if the handler wrote JSON of its own.
fn error_of(response: &mut HttpResponse<BoxBody>) -> Option<ApiError> {
    let ours = response.extensions_mut().remove::<ApiError>();
    ours.or_else(|| response.error().map(translate)).or_else(|| {
        let is_json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(JSON.as_bytes()));
        (!is_json).then(|| translate_status(response.status()))
    })
}

fn in_envelope(
    context: &RequestContext,
    response: HttpResponse<BoxBody>,
    error: &ApiError,
) -> HttpResponse<BoxBody> {
    // Where the code is derived from the framework's error, the code's status replaces that
    // error's; a bare status, such as 416, stays.
    let status = match response.error() {
        Some(_) => error.code().status(),
        None => response.status(),
    };
    let mut response = response.set_body(BoxBody::new(body(context, error)));
    *response.status_mut() = status;
    // It was the replaced body that was compressed.
    response.headers_mut().remove(header::CONTENT_ENCODING);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON.clone());
    if let Some(secs) = error.retry_after_secs() {
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
    }
    response
}

fn body(context: &RequestContext, error: &ApiError) -> Bytes {
    write_error_body(error, Some(context.request_id()), &base_url(context))
}

/// The scheme and host of `doc_url`. The client chose the host, so one that doesn't look like a
/// host is left out.
fn base_url(context: &RequestContext) -> String {
    if let Some(url) = &context.shared.config.public_url {
        return url.clone();
    }
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    let host = context.host.as_ref().and_then(|host| host.to_str().ok());
    match host {
        Some(host) if host.len() <= 255 && host.bytes().all(is_host_byte) => {
            format!("{}://{host}", context.scheme)
        }
        Some(_) | None => String::new(),
    }
}

/// A complete answer, for where the framework wants an error because the request is gone, as after
/// a panic.
pub(super) struct Finished {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Finished {
    pub(super) fn new(context: &RequestContext, error: &ApiError) -> Self {
        let response = finish(context, error.error_response());
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: body(context, error) }
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)
    }
}

impl ResponseError for Finished {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, BoxBody::new(self.body.clone()));
        *response.headers_mut() = self.headers.clone();
        response
    }
}
