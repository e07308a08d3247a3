//! Uploads: one file and a few text fields, read as they come.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, web};
use futures_util::StreamExt;

use crate::error::{ApiError, Detail};

/// Bytes that a text field may have at most; those with a smaller bound of their own check it.
const MAX_FIELD_BYTES: usize = 64 << 10;
/// Parts that a form may have at most.
const MAX_PARTS: usize = 32;
/// A sender that is silent for this long has gone.
const SILENCE: Duration = Duration::from_secs(30);

/// The text fields of a form, by name.
pub(crate) type Fields = BTreeMap<String, String>;

/// The file part of a form, as it comes.
pub(crate) struct FilePart {
    field: Field,
    /// The MIME type that the sender says.
    pub(crate) declared: String,
}

impl FilePart {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// The request broke off or its framing is wrong.
    pub(crate) async fn next(&mut self) -> Result<Option<web::Bytes>, ApiError> {
        match within(self.field.next()).await? {
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(error)) => Err(broken(&error)),
            None => Ok(None),
        }
    }
}

/// A form that is being read.
pub(crate) struct Form {
    parts: Multipart,
    known: &'static [&'static str],
    fields: Fields,
    count: usize,
}

/// What comes next in a form.
pub(crate) enum Part {
    /// The file. Read it to its end before what follows.
    File(Box<FilePart>),
    /// Nothing more: these were the fields.
    End(Fields),
}

impl Form {
    /// Begins to read a request's body. `known` are the names of its text fields.
    ///
    /// # Errors
    /// UNSUPPORTED_MEDIA_TYPE where it is no form, or is compressed.
    pub(crate) fn of(
        request: &HttpRequest,
        payload: web::Payload,
        known: &'static [&'static str],
    ) -> Result<Self, ApiError> {
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            let why = "Send an upload as it is: Content-Encoding is not read here";
            return Err(ApiError::unsupported_media_type(why));
        }
        if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
            let why = "Send multipart/form-data with the fields file and contribution_type";
            return Err(ApiError::unsupported_media_type(why));
        }
        let parts = Multipart::new(request.headers(), payload);
        Ok(Self { parts, known, fields: Fields::new(), count: 0 })
    }

    /// Reads on until the file, or the end.
    ///
    /// # Errors
    /// A field is unknown, repeated or too long; or the request broke off.
    pub(crate) async fn next(&mut self) -> Result<Part, ApiError> {
        loop {
            let mut field = match within(self.parts.next()).await? {
                None => return Ok(Part::End(std::mem::take(&mut self.fields))),
                Some(Ok(field)) => field,
                Some(Err(error)) => return Err(broken(&error)),
            };
            self.count += 1;
            if self.count > MAX_PARTS {
                return Err(ApiError::invalid_request("The form has too many parts"));
            }
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                // What the sender calls the file is of no use, and never looked at.
                let declared = field.content_type().map(ToString::to_string).unwrap_or_default();
                return Ok(Part::File(Box::new(FilePart { field, declared })));
            }
            if !self.known.contains(&name.as_str()) {
                let shown: String = name.chars().take(50).collect();
                return Err(ApiError::invalid_field(shown, "is not a field of this form"));
            }
            let text = read_text(&name, &mut field).await?;
            if self.fields.insert(name.clone(), text).is_some() {
                return Err(ApiError::invalid_field(name, "must be given once"));
            }
        }
    }
}

async fn read_text(name: &str, field: &mut Field) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = within(field.next()).await? {
        let piece = piece.map_err(|error| broken(&error))?;
        if bytes.len() + piece.len() > MAX_FIELD_BYTES {
            return Err(ApiError::validation(vec![Detail::new(name, "is too long")]));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid_field(name, "must be UTF-8 text"))
}

async fn within<T>(next: impl Future<Output = T>) -> Result<T, ApiError> {
    let waited = tokio::time::timeout(SILENCE, next).await;
    waited.map_err(|_| ApiError::invalid_request("The request stopped coming"))
}

fn broken(error: &MultipartError) -> ApiError {
    if let MultipartError::Payload(error) = error {
        return ApiError::from(error);
    }
    ApiError::invalid_request(format!("The form can't be read: {error}"))
}
