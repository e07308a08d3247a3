//! JSON bodies, checked against the type that a handler wants.

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::body::{BODY_REFUSALS, BodyLimits, read_body, says_json};
use crate::describe::{Argument, Draft, Presence};
use crate::error::ApiError;
use crate::idempotency::{Fingerprint, fingerprint};
use crate::wire::issues::{At, Issues};
use crate::wire::json::parse_object;
use crate::wire::member::Member;

/// A JSON body of up to 1 MiB, already of the type that the handler wants.
#[derive(Debug)]
pub(crate) struct JsonBody<T> {
    /// The value, whose members have been checked.
    pub(crate) value: T,
    /// The bytes that it was read from, decompressed.
    bytes: Bytes,
}

impl<T> JsonBody<T> {
    /// A hash of the bytes, by which idempotency tells this body from another.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.bytes)
    }
}

impl<T: Member + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !says_json(&request) {
                return Err(ApiError::unsupported_media_type(
                    "Send Content-Type: application/json",
                ));
            }
            let bytes = read_body(&request, payload, BodyLimits::JSON).await?;
            Ok(Self { value: read_object(&bytes)?, bytes })
        })
    }
}

/// As [`JsonBody`], but an empty body stands for the type's default.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody<T>(pub(crate) JsonBody<T>);

impl<T: Member + Default + 'static> FromRequest for OptionalJsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_body(&request, payload, BodyLimits::JSON).await?;
            if bytes.is_empty() {
                return Ok(Self(JsonBody { value: T::default(), bytes }));
            }
            if !says_json(&request) {
                return Err(ApiError::unsupported_media_type(
                    "Send Content-Type: application/json",
                ));
            }
            Ok(Self(JsonBody { value: read_object(&bytes)?, bytes }))
        })
    }
}

/// Reads a JSON object, and checks its members.
pub(super) fn read_object<T: Member>(bytes: &[u8]) -> Result<T, ApiError> {
    let sent: T::Sent = parse_object(bytes)?;
    let mut issues = Issues::default();
    let read = T::check(sent, &At::Root, &mut issues);
    issues.unless_any(read)
}

impl<T: Member> Argument for JsonBody<T> {
    fn describe(draft: &mut Draft) {
        draft.reads_json::<T>(Presence::Required);
        draft.fails_with(BODY_REFUSALS);
    }
}

impl<T: Member> Argument for OptionalJsonBody<T> {
    fn describe(draft: &mut Draft) {
        draft.reads_json::<T>(Presence::Optional);
        draft.fails_with(BODY_REFUSALS);
    }
}
