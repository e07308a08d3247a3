//! What makes a request the same request again.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde_json::json;

use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};

const HEADER: &str = "idempotency-key";
const MAX_CHARS: usize = 255;

/// The client's name for one intent: `Idempotency-Key`, where it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<Arc<str>>);

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request))
    }
}

impl Argument for IdempotencyKey {
    fn describe(draft: &mut Draft) {
        draft.reads_parameter(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The client's name for one intent. The same key with the same body gives \
                the first answer\nagain, with `Idempotent-Replayed: true`; with another body it is \
                IDEMPOTENCY_MISMATCH.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_CHARS,
                "pattern": "^[!-~]*$",
            },
        }));
        draft.headers.push("Idempotent-Replayed");
        draft.fails_with(&[
            ErrorCode::ValidationError,
            ErrorCode::Conflict,
            ErrorCode::IdempotencyMismatch,
        ]);
    }
}

fn read(request: &HttpRequest) -> Result<IdempotencyKey, ApiError> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else {
        return Ok(IdempotencyKey(None));
    };
    let text = value.as_bytes();
    let is_fit = (1..=MAX_CHARS).contains(&text.len())
        && text.iter().all(u8::is_ascii_graphic)
        && values.next().is_none();
    match std::str::from_utf8(text) {
        Ok(text) if is_fit => Ok(IdempotencyKey(Some(text.into()))),
        Ok(_) | Err(_) => Err(ApiError::invalid_field(
            "Idempotency-Key",
            "must be one header of 1 to 255 visible ASCII characters",
        )),
    }
}

/// 128 bits that tell one body from another (BLAKE3, cut short). The same in every version of the
/// service: it is stored with the answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The fingerprint of a body after decompression.
#[must_use]
pub fn fingerprint(body: &[u8]) -> Fingerprint {
    let mut bits = [0; 16];
    blake3::Hasher::new().update(body).finalize_xof().fill(&mut bits);
    Fingerprint(bits)
}
