//! Idempotency keys: which request is the same request again.

use actix_web::HttpRequest;
use priv_domain::RequestTag;

use crate::auth::Principal;
use crate::error::ApiError;
use crate::extract::idempotency::{Fingerprint, IdempotencyKey};
use crate::middleware::RequestContext;

/// The tag under which the answer to this request is remembered; `None` without an idempotency
/// key. Two requests have the same one if principal, environment, method, path and key are the same.
pub(crate) fn request_tag(
    request: &HttpRequest,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<Option<RequestTag>, ApiError> {
    let Some(key) = &key.0 else { return Ok(None) };
    let context = RequestContext::of(request)?;
    let principal = match context.principal() {
        // A rolled key is still the same caller.
        Principal::Key(key) => format!("project {}", key.project),
        Principal::Person(person) => format!("person {}", person.sub),
        Principal::Operator => "operator".to_owned(),
        Principal::Anonymous(_) | Principal::Refused(_) => "anonymous".to_owned(),
    };
    Ok(Some(tag(&principal, context.environment().as_str(), request, key, fingerprint)))
}

/// The tag of a request whose key was in its body.
pub(crate) fn request_tag_of_project(
    project: priv_domain::ProjectId,
    environment: priv_domain::Environment,
    request: &HttpRequest,
    key: &str,
    fingerprint: Fingerprint,
) -> RequestTag {
    tag(&format!("project {project}"), environment.as_str(), request, key, fingerprint)
}

fn tag(
    principal: &str,
    environment: &str,
    request: &HttpRequest,
    key: &str,
    fingerprint: Fingerprint,
) -> RequestTag {
    // The two spellings of a route are one.
    let path = request.path();
    let path = path.strip_prefix("/api").unwrap_or(path);
    let mut hasher = blake3::Hasher::new();
    for part in
        [principal, environment, request.method().as_str(), path, request.query_string(), key]
    {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let key = hasher.finalize().as_bytes().first_chunk().copied().map_or(0, u128::from_be_bytes);
    RequestTag { key, fingerprint: u128::from_be_bytes(fingerprint.0) }
}
