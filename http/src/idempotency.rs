//! Carries a request out once, however often it is sent: the same `Idempotency-Key` with the same
//! body gets the same answer again.
//!
//! Usually the entity that a request is about remembers its answer together with what it did: the
//! handler hands it the request's tag, and [`with_origin`] marks a repeated answer. A request about
//! many users has no such entity: its project remembers the whole answer ([`answers`]).

pub(crate) mod answers;
mod fingerprint;
#[cfg(test)]
mod tests;

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use priv_actors::ask::Origin;
use priv_domain::{Environment, ProjectId, RequestTag};
use serde_json::json;

use crate::auth::Principal;
use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::middleware::RequestContext;

pub(crate) use fingerprint::{Fingerprint, fingerprint};

const HEADER: &str = "idempotency-key";
const MAX_CHARS: usize = 255;

/// The request's `Idempotency-Key`, a name that the client chose for one intent; none if not sent.
pub(crate) struct Idempotency(Option<Named>);

/// A request that was sent with an idempotency key.
struct Named {
    key: Arc<str>,
    request: HttpRequest,
    context: Rc<RequestContext>,
}

impl FromRequest for Idempotency {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(named(request).map(Self))
    }
}

fn named(request: &HttpRequest) -> Result<Option<Named>, ApiError> {
    let Some(key) = key_in(request.headers())? else { return Ok(None) };
    let context = RequestContext::of(request)?;
    Ok(Some(Named { key, request: request.clone(), context }))
}

fn key_in(headers: &HeaderMap) -> Result<Option<Arc<str>>, ApiError> {
    let mut values = headers.get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let is_fit = (1..=MAX_CHARS).contains(&text.len())
        && text.iter().all(u8::is_ascii_graphic)
        && values.next().is_none();
    match std::str::from_utf8(text) {
        Ok(text) if is_fit => Ok(Some(text.into())),
        Ok(_) | Err(_) => Err(ApiError::invalid_field(
            "Idempotency-Key",
            "must be one header of 1 to 255 visible ASCII characters",
        )),
    }
}

impl Argument for Idempotency {
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
            ErrorCode::ServerError,
        ]);
    }
}

impl Idempotency {
    /// The tag under which the answer to this request is remembered; `None` if it has no key. Two
    /// requests have the same tag if principal, environment, method, path, query and key are the
    /// same; what `fingerprint` is of, usually the body, must then be the same too.
    pub(crate) fn tag(&self, fingerprint: impl FnOnce() -> Fingerprint) -> Option<RequestTag> {
        let Named { key, request, context } = self.0.as_ref()?;
        let principal = match context.principal() {
            // A rolled key is still the same caller.
            Principal::Key(key) => of_project(key.project),
            Principal::Person(person) => format!("person {}", person.sub),
            Principal::Operator => "operator".to_owned(),
            Principal::Anonymous(_) | Principal::Refused(_) => "anonymous".to_owned(),
        };
        Some(tag(&principal, context.environment(), request, key, fingerprint()))
    }

    /// The tag of a request that this project sent with a key in the body.
    pub(crate) fn tag_of_project(
        &self,
        project: ProjectId,
        environment: Environment,
        fingerprint: impl FnOnce() -> Fingerprint,
    ) -> Option<RequestTag> {
        let Named { key, request, .. } = self.0.as_ref()?;
        Some(tag(&of_project(project), environment, request, key, fingerprint()))
    }
}

fn of_project(project: ProjectId) -> String {
    format!("project {project}")
}

fn tag(
    principal: &str,
    environment: Environment,
    request: &HttpRequest,
    key: &str,
    fingerprint: Fingerprint,
) -> RequestTag {
    // A path with and without `/api` is the same route.
    let path = request.path();
    let path = path.strip_prefix("/api").unwrap_or(path);
    let method = request.method().as_str();
    let mut hasher = blake3::Hasher::new();
    for part in [principal, environment.as_str(), method, path, request.query_string(), key] {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let key = hasher.finalize().as_bytes().first_chunk().copied().map_or(0, u128::from_be_bytes);
    RequestTag { key, fingerprint: u128::from_be_bytes(fingerprint.0) }
}

/// Marks an answer that was given before with `Idempotent-Replayed: true`.
pub(crate) fn with_origin(mut response: HttpResponse, origin: Origin) -> HttpResponse {
    match origin {
        Origin::Fresh => {}
        Origin::Replayed => {
            let name = HeaderName::from_static("idempotent-replayed");
            response.headers_mut().insert(name, HeaderValue::from_static("true"));
        }
    }
    response
}
