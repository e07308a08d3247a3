//! Request bodies: read within limits, and decompressed.

mod decode;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;

use crate::error::{ApiError, ErrorCode};

pub use decode::GzipSniffing;

/// How large a route's body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes on the wire.
    pub wire_bytes: usize,
    /// The most bytes after decompression.
    pub decoded_bytes: usize,
    /// Whether gzip is also recognised by its first bytes.
    pub gzip: GzipSniffing,
}

impl BodyLimits {
    /// JSON bodies: 1 MiB.
    pub const JSON: Self =
        Self { wire_bytes: 1 << 20, decoded_bytes: 1 << 20, gzip: GzipSniffing::HeaderOnly };

    /// Event batches: 4 MiB, and gzip is recognised whatever the headers say.
    pub const EVENTS: Self =
        Self { wire_bytes: 4 << 20, decoded_bytes: 4 << 20, gzip: GzipSniffing::HeaderOrMagic };
}

/// The codes with which a body can be refused.
pub(crate) const BODY_REFUSALS: &[ErrorCode] = &[
    ErrorCode::InvalidRequest,
    ErrorCode::ValidationError,
    ErrorCode::PayloadTooLarge,
    ErrorCode::UnsupportedMediaType,
];

/// Reads the whole body and undoes its `Content-Encoding`.
///
/// # Errors
/// PAYLOAD_TOO_LARGE as soon as a limit is exceeded, so that a small bomb costs little;
/// UNSUPPORTED_MEDIA_TYPE for an unknown encoding; INVALID_REQUEST for a body that breaks off or is
/// not encoded as it says.
pub async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    limits: BodyLimits,
) -> Result<Bytes, ApiError> {
    let encoding = decode::Encoding::of(request.headers())?;
    let raw = read_raw(request, payload, limits.wire_bytes).await?;
    encoding.decode(raw, limits)
}

async fn read_raw(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(ApiError::payload_too_large(limit));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| ApiError::from(&error))?;
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(ApiError::payload_too_large(limit));
        }
        // Most bodies come in one piece, which is then used without a copy.
        if first.is_empty() && rest.is_empty() {
            first = chunk;
        } else {
            if rest.is_empty() {
                rest.reserve(announced.unwrap_or_default().max(first.len() + chunk.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&chunk);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Whether the request says that its body is JSON.
pub(super) fn says_json(request: &HttpRequest) -> bool {
    let essence = request.content_type();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > "+json".len()
            && essence
                .get(essence.len() - "+json".len()..)
                .is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json")))
}
