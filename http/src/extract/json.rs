//! Bodies that are JSON.

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::body::{BodyLimits, read_body, says_json};
use super::idempotency::{Fingerprint, fingerprint};
use crate::describe::{Argument, Draft, Presence};
use crate::error::{ApiError, ErrorCode};
use crate::wire::json::parse_object;

/// A JSON body of up to 1 MiB, already of the type that the handler wants.
#[derive(Debug)]
pub struct JsonBody<T> {
    /// What it says.
    pub value: T,
    /// The bytes that it was read from, decompressed.
    pub bytes: Bytes,
}

impl<T> JsonBody<T> {
    /// Tells this body from another, for idempotency.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.bytes)
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
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
            Ok(Self { value: parse_object(&bytes)?, bytes })
        })
    }
}

/// As [`JsonBody`], and nothing at all is taken for the type's default.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub JsonBody<T>);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJsonBody<T> {
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
            Ok(Self(JsonBody { value: parse_object(&bytes)?, bytes }))
        })
    }
}

/// How a JSON body can be refused.
const REFUSALS: &[ErrorCode] = &[
    ErrorCode::InvalidRequest,
    ErrorCode::ValidationError,
    ErrorCode::PayloadTooLarge,
    ErrorCode::UnsupportedMediaType,
];

impl<T: ToSchema> Argument for JsonBody<T> {
    fn describe(draft: &mut Draft) {
        draft.reads_json::<T>(Presence::Required);
        draft.fails_with(REFUSALS);
    }
}

impl<T: ToSchema> Argument for OptionalJsonBody<T> {
    fn describe(draft: &mut Draft) {
        draft.reads_json::<T>(Presence::Optional);
        draft.fails_with(REFUSALS);
    }
}
