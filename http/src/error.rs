//! What a client is told when something is refused or fails.
//!
//! One row a code in `code.rs`; one shape on the wire, written by `body.rs`. The request's id and the
//! address of the code's page are only known at the edge, which writes the final body: an
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

/// One field that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Where: `events[3].timestamp`; empty for the whole body.
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
    /// The code with its usual message.
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

    /// INVALID_API_KEY.
    #[must_use]
    pub fn invalid_api_key(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidApiKey).with_message(message)
    }

    /// UNAUTHORIZED.
    #[must_use]
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Unauthorized).with_message(message)
    }

    /// FORBIDDEN.
    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Forbidden).with_message(message)
    }

    /// NOT_FOUND.
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

    /// PAYLOAD_TOO_LARGE with the limit that was passed.
    #[must_use]
    pub fn payload_too_large(limit_bytes: usize) -> Self {
        Self::new(ErrorCode::PayloadTooLarge)
            .with_message(format!("The request body is larger than {limit_bytes} bytes"))
            .with_member("limit_bytes", &limit_bytes)
    }

    /// UNSUPPORTED_MEDIA_TYPE.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::UnsupportedMediaType).with_message(message)
    }

    /// IDEMPOTENCY_MISMATCH.
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

    /// RATE_LIMITED until so many seconds from now.
    #[must_use]
    pub fn rate_limited(retry_after_secs: u64) -> Self {
        let mut error = Self::new(ErrorCode::RateLimited);
        error.0.message =
            format!("Too many requests: try again in {} s", retry_after_secs.max(1)).into();
        error.0.retry_after_secs = Some(retry_after_secs.max(1));
        error
    }

    /// OVERLOADED; worth another try after so many seconds.
    #[must_use]
    pub fn overloaded(retry_after_secs: u64) -> Self {
        let mut error = Self::new(ErrorCode::Overloaded);
        error.0.retry_after_secs = Some(retry_after_secs.max(1));
        error
    }

    /// SERVER_ERROR. Logs the error with all its causes, once, here; the client hears nothing of it.
    #[must_use]
    pub fn server_error(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Causes(error), "request failed");
        Self::new(ErrorCode::ServerError)
    }

    /// Says something more exact than the code's usual message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds the `reason`, for programs to go by.
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

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What the client reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What a program goes by within the code.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// When to try again, for the codes that say so.
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

/// What went wrong while a body was being read.
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
