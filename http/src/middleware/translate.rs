//! Translates the framework's own errors.
//!
//! Their texts are shown only if they are about what the client sent.

use actix_web::ResponseError;
use actix_web::error::{
    Error, JsonPayloadError, PathError, PayloadError, QueryPayloadError, UrlencodedError,
};
use actix_web::http::StatusCode;

use crate::error::{ApiError, ErrorCode};
use crate::wire::json::json_error;

/// The error that a client is told for one from a handler, an extractor or a middleware.
pub(super) fn translate(error: &Error) -> ApiError {
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
        return ApiError::from(payload);
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

/// The error for a status that came without an error of ours.
pub(super) fn translate_status(status: StatusCode) -> ApiError {
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

fn translate_json(error: &JsonPayloadError) -> ApiError {
    if let JsonPayloadError::Payload(payload) = error {
        return ApiError::from(payload);
    }
    if let JsonPayloadError::Deserialize(json) = error {
        return json_error(json);
    }
    if matches!(error, JsonPayloadError::ContentType) {
        return ApiError::unsupported_media_type("Send Content-Type: application/json");
    }
    translate_status(error.status_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_without_an_error_of_ours_get_the_nearest_code() {
        let table = [
            (400, ErrorCode::InvalidRequest),
            (401, ErrorCode::Unauthorized),
            (404, ErrorCode::NotFound),
            (405, ErrorCode::MethodNotAllowed),
            (413, ErrorCode::PayloadTooLarge),
            (416, ErrorCode::InvalidRequest),
            (418, ErrorCode::InvalidRequest),
            (422, ErrorCode::InvalidRequest),
            (500, ErrorCode::ServerError),
            (502, ErrorCode::ServerError),
            (503, ErrorCode::Overloaded),
        ];
        for (status, code) in table {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(translate_status(status).code(), code, "{status}");
        }
    }
}
