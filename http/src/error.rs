//! Refusals and failures, as clients read them.
//!
//! `code.rs` has a row for each code; `body.rs` writes the one shape on the wire. The request's id
//! and the address of the code's page are only known at the edge, which writes the final body: an
//! [`ApiError`] travels there inside the response, so handlers just return it.

mod body;
mod code;
mod narrow;
pub(crate) mod refusal;

use std::borrow::Cow;
use std::fmt;

use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use priv_domain::Micros;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

pub(crate) use body::write_error_body;
pub use code::ErrorCode;
pub use narrow::{Fault, NotFound, Overloaded};

/// A field that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Where the field is: `events[3].timestamp`; empty for the whole body.
    pub path: String,
    /// What is wrong with it, as a phrase: `must not be negative`.
    pub issue: String,
}

impl Detail {
    /// Names a field and what is wrong with it.
    #[must_use]
    pub fn new(path: impl Into<String>, issue: impl Into<String>) -> Self {
        Self { path: path.into(), issue: issue.into() }
    }
}

/// A refusal or a failure, in the client's words.
///
/// It is one pointer wide, so `Result<T, ApiError>` stays small.
#[derive(Clone)]
pub struct ApiError(Box<Parts>);

#[derive(Clone)]
struct Parts {
    code: ErrorCode,
    message: Cow<'static, str>,
    reason: Option<Cow<'static, str>>,
    details: Vec<Detail>,
    members: Vec<(&'static str, Box<RawValue>)>,
    retry_after_secs: Option<u64>,
    allow: Option<String>,
}

impl ApiError {
    /// Makes an error with the code's usual message.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self(Box::new(Parts {
            code,
            message: Cow::Borrowed(code.message()),
            reason: None,
            details: Vec::new(),
            members: Vec::new(),
            retry_after_secs: code.retry_after_secs(),
            allow: None,
        }))
    }

    /// VALIDATION_ERROR naming each field that is wrong.
    #[must_use]
    pub fn validation(details: Vec<Detail>) -> Self {
        let mut error = Self::new(ErrorCode::ValidationError);
        if let [only] = details.as_slice() {
            let separator = if only.path.is_empty() { "" } else { ": " };
            error.0.message = format!("{}{separator}{}", only.path, only.issue).into();
        }
        error.0.details = details;
        error
    }

    /// VALIDATION_ERROR for one field.
    #[must_use]
    pub fn invalid_field(path: impl Into<String>, issue: impl Into<String>) -> Self {
        Self::validation(vec![Detail::new(path, issue)])
    }

    /// VALIDATION_ERROR that is about the state rather than a field, such as `nothing_to_claim`.
    #[must_use]
    pub fn invalid_because(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::ValidationError).with_message(message).with_reason(reason)
    }

    /// INVALID_REQUEST: nothing of the request could be read.
    #[must_use]
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest).with_message(message)
    }

    /// INVALID_API_KEY: the route takes a key, and none in force was sent.
    #[must_use]
    pub fn invalid_api_key(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidApiKey).with_message(message)
    }

    /// UNAUTHORIZED: a signed-in person is needed.
    #[must_use]
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Unauthorized).with_message(message)
    }

    /// FORBIDDEN: the caller is known and may not do this.
    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Forbidden).with_message(message)
    }

    /// NOT_FOUND: there is no such route or thing, for this caller.
    #[must_use]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::NotFound).with_message(message)
    }

    /// METHOD_NOT_ALLOWED with the value of `Allow`, such as `GET, POST`.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        let mut error = Self::new(ErrorCode::MethodNotAllowed);
        error.0.allow = Some(allow);
        error
    }

    /// CONFLICT with its reason.
    #[must_use]
    pub fn conflict(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Conflict).with_message(message).with_reason(reason)
    }

    /// INSUFFICIENT_BALANCE with both amounts.
    #[must_use]
    pub fn insufficient_balance(required: Micros, available: Micros) -> Self {
        Self::new(ErrorCode::InsufficientBalance)
            .with_message(format!("This takes {required} PRIV; {available} PRIV is available"))
            .with_amount("required_priv", required)
            .with_amount("available_priv", available)
    }

    /// PAYLOAD_TOO_LARGE with the limit that was exceeded.
    #[must_use]
    pub fn payload_too_large(limit_bytes: usize) -> Self {
        Self::new(ErrorCode::PayloadTooLarge)
            .with_message(format!("The request body is larger than {limit_bytes} bytes"))
            .with_member("limit_bytes", &limit_bytes)
    }

    /// UNSUPPORTED_MEDIA_TYPE: the route does not read this type or encoding.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::UnsupportedMediaType).with_message(message)
    }

    /// IDEMPOTENCY_MISMATCH: the idempotency key came with another body before.
    #[must_use]
    pub fn idempotency_mismatch() -> Self {
        Self::new(ErrorCode::IdempotencyMismatch)
    }

    /// CONFLICT: another request with the same idempotency key is being carried out.
    #[must_use]
    pub(crate) fn request_in_flight() -> Self {
        Self::conflict(
            "request_in_flight",
            "The first request with this Idempotency-Key is still running: ask again in a moment",
        )
    }

    /// RATE_LIMITED, to be tried again after so many seconds.
    #[must_use]
    pub fn rate_limited(retry_after_secs: u64) -> Self {
        let mut error = Self::new(ErrorCode::RateLimited);
        error.0.message =
            format!("Too many requests: try again in {} s", retry_after_secs.max(1)).into();
        error.0.retry_after_secs = Some(retry_after_secs.max(1));
        error
    }

    /// OVERLOADED, to be tried again after so many seconds.
    #[must_use]
    pub fn overloaded(retry_after_secs: u64) -> Self {
        let mut error = Self::new(ErrorCode::Overloaded);
        error.0.retry_after_secs = Some(retry_after_secs.max(1));
        error
    }

    /// SERVER_ERROR. Logs the error with all its causes, once; the client learns nothing of them.
    #[must_use]
    pub fn server_error(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Causes(error), "request failed");
        Self::new(ErrorCode::ServerError)
    }

    /// Replaces the code's usual message by a more exact one.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds the `reason`, by which programs tell apart what has the same code.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Adds a member to the error object. Left out if the value can't be JSON.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: &impl Serialize) -> Self {
        if let Ok(value) = to_raw_value(value) {
            self.0.members.push((name, value));
        }
        self
    }

    /// Adds an amount of PRIV to the error object, as the exact number.
    #[must_use]
    pub fn with_amount(mut self, name: &'static str, amount: Micros) -> Self {
        if let Ok(digits) = RawValue::from_string(amount.to_string()) {
            self.0.members.push((name, digits));
        }
        self
    }

    /// The code, which decides the status.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The message, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The `reason`, by which programs tell apart what has the same code; `None` if it has none.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The fields that are wrong; empty if the error is not about fields.
    #[must_use]
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// How many seconds to wait before another try; `None` for codes that don't say.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.0.retry_after_secs
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        for Detail { path, issue } in &self.0.details {
            write!(f, "; {path}: {issue}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    /// Complete but for the request's id and an absolute `doc_url`: the edge, which knows them,
    /// writes the body anew from the copy that is put into the response's extensions.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/json");
        if let Some(allow) = &self.0.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(secs) = self.0.retry_after_secs {
            response.insert_header((header::RETRY_AFTER, secs));
        }
        response.extensions_mut().insert(self.clone());
        response.body(write_error_body(self, None, ""))
    }
}

/// Translates what went wrong while a body was read.
impl From<&PayloadError> for ApiError {
    fn from(error: &PayloadError) -> Self {
        if matches!(error, PayloadError::Overflow) {
            return Self::new(ErrorCode::PayloadTooLarge);
        }
        Self::invalid_request("The request body broke off or could not be read: send it again")
    }
}

/// An error and its causes on one line.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
