//! Serves content, whole or the part that `Range` asks for (RFC 9110, section 14).

use std::future::{Ready, ready};
use std::ops::Range;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use futures_util::TryStreamExt;
use priv_blobs::{BlobError, BlobStore, ContentHash};
use serde_json::json;

use crate::describe::{Argument, Draft};
use crate::error::ApiError;

/// The headers `Range` and `If-Range`, as they were sent.
pub(crate) struct WantedPart {
    range: Option<String>,
    if_range: Option<String>,
}

impl FromRequest for WantedPart {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = |name: HeaderName| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        ready(Ok(Self { range: text(header::RANGE), if_range: text(header::IF_RANGE) }))
    }
}

impl Argument for WantedPart {
    fn describe(draft: &mut Draft) {
        draft.reads_parameter(json!({
            "name": "Range",
            "in": "header",
            "required": false,
            "description": "Which bytes.",
            "schema": { "type": "string" },
        }));
    }
}

impl WantedPart {
    /// What to send of a content with `size` bytes. With `If-Range`, a part only of the very same
    /// content.
    fn of(&self, size: u64, etag: &str) -> Asked {
        match self.if_range.as_ref().is_none_or(|known| known.trim() == etag) {
            true => asked(self.range.as_deref(), size),
            false => Asked::Whole,
        }
    }
}

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// All bytes: there is no `Range`, or none that is understood.
    Whole,
    /// These bytes, all of which exist.
    Part(Range<u64>),
    /// Bytes that don't exist; answered with 416.
    Nothing,
}

/// Reads a `Range` header for a content of `size` bytes. Several ranges are answered with the whole
/// content, as RFC 9110 allows.
fn asked(text: Option<&str>, size: u64) -> Asked {
    let Some(spec) = text.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::Whole };
    let number = |text: &str| text.parse::<u64>().ok();
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(first) || !is_digits(last) || first.is_empty() && last.is_empty() {
        return Asked::Whole;
    }
    let range = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => first..size,
        (Some(first), Some(last)) if first > last => return Asked::Whole,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        (None | Some(_), None | Some(_)) => return Asked::Nothing,
    };
    if range.start >= range.end { Asked::Nothing } else { Asked::Part(range) }
}

/// A stored content, and the type and file name with which it is sent.
pub(crate) struct ContentAnswer<'a> {
    pub(crate) hash: ContentHash,
    pub(crate) content_type: &'a str,
    pub(crate) file_name: &'a str,
}

/// Answers with content, whole or in part.
///
/// # Errors
/// NOT_FOUND if the content is gone; SERVER_ERROR if the store failed.
pub(crate) async fn serve(
    wanted: &WantedPart,
    blobs: &BlobStore,
    content: ContentAnswer<'_>,
) -> Result<HttpResponse, ApiError> {
    let ContentAnswer { hash, content_type, file_name } = content;
    let size = blobs.size_of(hash).await.map_err(|error| blob_error(&error))?;
    let etag = format!("\"{}\"", hash.cid());
    let (part, mut response) = match wanted.of(size, &etag) {
        Asked::Nothing => {
            let mut response = HttpResponse::RangeNotSatisfiable();
            response.insert_header((header::CONTENT_RANGE, format!("bytes */{size}")));
            return Ok(response.finish());
        }
        Asked::Whole => (None, HttpResponse::Ok()),
        Asked::Part(part) => {
            let (first, last) = (part.start, part.end - 1);
            let mut response = HttpResponse::PartialContent();
            let shown = format!("bytes {first}-{last}/{size}");
            response.insert_header((header::CONTENT_RANGE, shown));
            (Some(part), response)
        }
    };
    let length = part.as_ref().map_or(size, |part| part.end - part.start);
    let read = blobs.read(hash, part).await.map_err(|error| blob_error(&error))?;
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header(header::ContentEncoding::Identity)
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{file_name}\""),
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::CACHE_CONTROL, "private, no-transform"));
    let stream = read.pieces.map_err(std::io::Error::other);
    Ok(response.no_chunking(length).streaming(stream))
}

/// The error that a client is told where content can't be stored or read.
pub(crate) fn blob_error(error: &BlobError) -> ApiError {
    match error {
        BlobError::TooLarge { max_bytes } => {
            ApiError::payload_too_large(usize::try_from(*max_bytes).unwrap_or(usize::MAX))
        }
        BlobError::Busy => ApiError::overloaded(1),
        BlobError::NotFound(_) => ApiError::not_found("The content is not there any more"),
        BlobError::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            ApiError::overloaded(30)
        }
        BlobError::OutOfRange { .. }
        | BlobError::BrokenOff
        | BlobError::OtherLock
        | BlobError::Io(_)
        | BlobError::Store(_) => ApiError::server_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let table = [
            (None, Asked::Whole),
            (Some("bytes=0-4"), Asked::Part(0..5)),
            (Some("bytes=5-"), Asked::Part(5..10)),
            (Some("bytes=-3"), Asked::Part(7..10)),
            (Some("bytes=-30"), Asked::Part(0..10)),
            (Some("bytes=8-99"), Asked::Part(8..10)),
            (Some("bytes=10-"), Asked::Nothing),
            (Some("bytes=-0"), Asked::Nothing),
            (Some("bytes=0-1,3-4"), Asked::Whole),
            (Some("bytes=4-2"), Asked::Whole),
            (Some("bytes=-"), Asked::Whole),
            (Some("lines=0-4"), Asked::Whole),
            (Some("bytes=a-b"), Asked::Whole),
            (Some("bytes=99999999999999999999-"), Asked::Nothing),
        ];
        for (text, expected) in table {
            assert_eq!(asked(text, 10), expected, "{text:?}");
        }
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Nothing);
    }
}
