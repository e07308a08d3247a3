//! Cross-origin requests (CORS).
//!
//! There are two groups of routes. Those that apps call from any page with a key answer `*`; all
//! others answer only the configured origins, with credentials.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::group::Group;
use crate::error::ApiError;

/// How many seconds browsers may keep the answer to a preflight: two hours, the most that they
/// accept.
const MAX_AGE_SECS: &str = "7200";

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// The headers that requests may have. `Authorization` is named, since `*` does not cover it.
const HEADERS: &str = "Authorization, Content-Type, Content-Encoding, Accept, Idempotency-Key, \
                       If-Match, Last-Event-ID, Range, X-Priv-Environment, X-Request-Id";

const EXPOSED: &str = "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
                       RateLimit-Policy, RateLimit, Retry-After, Location, ETag, \
                       Idempotent-Replayed, Content-Range, Content-Disposition";

/// The most headers of its own that a client may ask for.
const MAX_ASKED_HEADERS: usize = 32;

static ANY: HeaderValue = HeaderValue::from_static("*");
static EXPOSED_VALUE: HeaderValue = HeaderValue::from_static(EXPOSED);
static TRUE: HeaderValue = HeaderValue::from_static("true");

/// Origins whose pages may use the routes of signed-in people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

/// A text that is not an origin, or is `*`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin like https://app.example.com (and * can't go with credentials)")]
pub struct NotAnOrigin(String);

impl AllowedOrigins {
    /// Checks that each is a scheme, a host and perhaps a port, with nothing after them.
    ///
    /// # Errors
    /// [`NotAnOrigin`] for the first that is not.
    pub fn parse<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAnOrigin> {
        origins.into_iter().map(parse_origin).collect::<Result<_, _>>().map(Self)
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        // Browsers send origins in lower-case letters; anything else is not from a page.
        self.0.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }
}

fn parse_origin(text: &str) -> Result<String, NotAnOrigin> {
    let origin = text.trim().strip_suffix('/').unwrap_or(text.trim()).to_ascii_lowercase();
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]_".contains(&byte);
    match host {
        Some(host) if !host.is_empty() && host.bytes().all(is_host_byte) => Ok(origin),
        Some(_) | None => Err(NotAnOrigin(text.to_owned())),
    }
}

/// Whether a request is a preflight: a browser asking what it may send.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight. The headers that name the origin are added to every answer by
/// [`add_headers`].
///
/// # Errors
/// FORBIDDEN for an origin that may not call this group of routes.
pub(super) fn answer_preflight(
    group: Group,
    headers: &HeaderMap,
    allowed: &AllowedOrigins,
) -> Result<HttpResponse, ApiError> {
    let origin = headers.get(header::ORIGIN);
    if !group.is_public() && !origin.is_some_and(|origin| allowed.allows(origin)) {
        return Err(ApiError::forbidden(
            "Pages of this origin may not call this route: add it to PRIV_ALLOWED_ORIGINS",
        ));
    }
    Ok(HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(headers)))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECS))
        .insert_header((header::VARY, "Access-Control-Request-Headers"))
        .finish())
}

/// Our own headers, and those that were asked for: other vendors' clients send headers of their
/// own.
fn allowed_headers(headers: &HeaderMap) -> String {
    let mut allowed = HEADERS.to_owned();
    let asked = headers
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    for name in asked.split(',').map(str::trim).take(MAX_ASKED_HEADERS) {
        let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok();
        let is_there = allowed.split(", ").any(|there| there.eq_ignore_ascii_case(name));
        if is_name && !is_there {
            allowed.push_str(", ");
            allowed.push_str(name);
        }
    }
    allowed
}

/// Adds the headers that tell browsers which pages may read an answer.
pub(super) fn add_headers(
    response: &mut HeaderMap,
    group: Group,
    origin: Option<&HeaderValue>,
    allowed: &AllowedOrigins,
) {
    if group.is_public() {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY.clone());
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_VALUE.clone());
        return;
    }
    response.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.filter(|origin| allowed.allows(origin)) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE.clone());
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_VALUE.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port() {
        let good = ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443"];
        for origin in good {
            assert_eq!(AllowedOrigins::parse([origin]), Ok(AllowedOrigins(vec![origin.into()])));
        }
        let tidied = AllowedOrigins::parse([" HTTPS://App.example.com/ "]);
        assert_eq!(tidied, AllowedOrigins::parse(["https://app.example.com"]));
        for text in ["*", "", "null", "example.com", "https://", "https://a.com/x", "ftp://a.com"] {
            assert_eq!(AllowedOrigins::parse([text]), Err(NotAnOrigin(text.into())), "{text}");
        }
    }
}
