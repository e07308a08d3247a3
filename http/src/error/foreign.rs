//! The framework's own errors, in our words.
//!
//! Their texts are shown only where they speak of what the client sent.

use actix_web::ResponseError;
use actix_web::error::{
    Error, JsonPayloadError, PathError, PayloadError, QueryPayloadError, UrlencodedError,
};
use actix_web::http::StatusCode;

use super::{ApiError, ErrorCode};

/// The error that a client is told for whatever a handler, an extractor or a middleware returned.
pub(crate) fn translate(error: &Error) -> ApiError {
    if let Some(ours) = error.as_error::<ApiError>() {
        return ours.clone();
    }
    if error.as_error::<PathError>().is_some() {
        return ApiError::not_found("Nothing has an address of this form");
    }
    if let Some(QueryPayloadError::Deserialize(issue)) = error.as_error() {
        return ApiError::invalid_field("query", issue.to_string());
    }
    if let Some(json) = error.as_error::<JsonPayloadError>() {
        return translate_json(json);
    }
    if let Some(payload) = error.as_error::<PayloadError>() {
        return translate_payload(payload);
    }
    if let Some(form) = error.as_error::<UrlencodedError>() {
        return translate_status(form.status_code());
    }
    let status = error.as_response_error().status_code();
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(%error, "request failed");
    }
    translate_status(status)
}

/// The error for a status that came without one of ours.
pub(crate) fn translate_status(status: StatusCode) -> ApiError {
    let mut code = ErrorCode::ALL.iter().copied().filter(|code| code.status() == status);
    let code = match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => ErrorCode::InvalidRequest,
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthorized,
        _ if status.is_server_error() => code.next_back().unwrap_or(ErrorCode::ServerError),
        _ => code.next_back().unwrap_or(ErrorCode::InvalidRequest),
    };
    let error = ApiError::new(code);
    match status.canonical_reason() {
        Some(reason) if code.status() != status => error.with_message(reason),
        Some(_) | None if code == ErrorCode::InvalidRequest => {
            error.with_message("Malformed request")
        }
        Some(_) | None => error,
    }
}

/// What went wrong while a body was being read.
pub(crate) fn translate_payload(error: &PayloadError) -> ApiError {
    if matches!(error, PayloadError::Overflow) {
        return ApiError::new(ErrorCode::PayloadTooLarge);
    }
    ApiError::invalid_request("The request body broke off or could not be read: send it again")
}

fn translate_json(error: &JsonPayloadError) -> ApiError {
    if let JsonPayloadError::Payload(payload) = error {
        return translate_payload(payload);
    }
    if let JsonPayloadError::Deserialize(json) = error {
        return crate::body::json_error(json);
    }
    if matches!(error, JsonPayloadError::ContentType) {
        return ApiError::unsupported_media_type("Send Content-Type: application/json");
    }
    translate_status(error.status_code())
}
