//! Uploads: forms of one file and a few text fields, read as they arrive.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::StreamExt;
use serde_json::json;

use super::body::BODY_REFUSALS;
use crate::describe::{Argument, Draft};
use crate::error::{ApiError, Detail};
use crate::wire::issues::Issues;
use crate::wire::param::{Params, Sent};

/// The most bytes of a text field; fields with a smaller bound check it themselves.
const MAX_FIELD_BYTES: usize = 64 << 10;
/// The most parts of a form.
const MAX_PARTS: usize = 32;
/// How long a sender may be silent before the request is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// The text fields of a form, by name.
pub(crate) type Fields = BTreeMap<String, String>;

/// A form with one file, declared by its text fields.
pub(crate) trait FormFields: Params {
    /// The name and the description of its schema.
    const SCHEMA: (&'static str, &'static str);
    /// The description of the file in the schema.
    const FILE: &'static str;
}

/// The body of a request that is a form with the fields `T`.
pub(crate) struct FormBody<T> {
    payload: web::Payload,
    fields: PhantomData<T>,
}

impl<T: FormFields + 'static> FromRequest for FormBody<T> {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload).into_inner();
        ready(payload.map(|payload| Self { payload, fields: PhantomData }))
    }
}

impl<T: FormFields> Argument for FormBody<T> {
    fn describe(draft: &mut Draft) {
        let (name, text) = T::SCHEMA;
        let mut form = json!({
            "type": "object",
            "description": text,
            "required": ["file"],
            "properties": { "file": {
                "type": "string",
                "format": "binary",
                "contentMediaType": "application/octet-stream",
                "description": T::FILE,
            } },
            "additionalProperties": false,
        });
        let mut required = vec![json!("file")];
        for mut field in T::describe(&mut draft.schemas) {
            let name = field["name"].take();
            if field["required"] == true {
                required.push(name.clone());
            }
            let mut schema = field["schema"].take();
            if let Some(text) = field.get("description") {
                schema["description"] = text.clone();
            }
            form["properties"][name.as_str().unwrap_or_default()] = schema;
        }
        form["required"] = required.into();
        let schema = draft.schemas.named(name, form);
        draft.operation["requestBody"] = json!({
            "required": true,
            "content": { "multipart/form-data": { "schema": schema } },
        });
        draft.fails_with(BODY_REFUSALS);
    }
}

/// Reads the text fields of a form.
///
/// # Errors
/// VALIDATION_ERROR naming the fields that are wrong.
pub(crate) fn read_fields<T: FormFields>(fields: &Fields) -> Result<T, ApiError> {
    let mut issues = Issues::default();
    let read = T::read(&Sent::in_form::<T>(fields), &mut issues);
    issues.unless_any(read)
}

/// The file part of a form, read as it arrives.
pub(crate) struct FilePart {
    field: Field,
    /// The MIME type that the sender declares, which may be wrong; empty if none.
    pub(crate) declared: String,
}

impl FilePart {
    /// Returns the next bytes; `None` at the end.
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

/// A form while it is being read.
pub(crate) struct Form {
    parts: Multipart,
    known: Vec<&'static str>,
    fields: Fields,
    count: usize,
}

/// The next part of a form.
pub(crate) enum Part {
    /// The file, which must be read to its end before what follows it.
    File(Box<FilePart>),
    /// The end of the form, with its text fields.
    End(Fields),
}

impl Form {
    /// Begins to read a request's body as a form.
    ///
    /// # Errors
    /// UNSUPPORTED_MEDIA_TYPE if the body is not a form, or is compressed.
    pub(crate) fn of<T: FormFields>(
        request: &HttpRequest,
        body: FormBody<T>,
    ) -> Result<Self, ApiError> {
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            let why = "Send an upload as it is: Content-Encoding is not read here";
            return Err(ApiError::unsupported_media_type(why));
        }
        if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
            let why = "Send multipart/form-data with the fields file and contribution_type";
            return Err(ApiError::unsupported_media_type(why));
        }
        let parts = Multipart::new(request.headers(), body.payload);
        Ok(Self { parts, known: T::names(), fields: Fields::new(), count: 0 })
    }

    /// Reads to the file, or else to the end.
    ///
    /// # Errors
    /// A field is unknown, repeated or too long, there are too many parts, or the request broke
    /// off.
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
                // The file name that the sender gives is never looked at.
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
