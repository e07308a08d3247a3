//! The one layer around every route.
//!
//! It gives the request its id, answers preflights, finds out who calls, charges the rate limit,
//! calls the route, turns whatever came back into the envelope, adds the headers, and writes one
//! line to the access log. Why one layer, and in this order: `docs/http-edge.md`.

mod access_log;
mod address;
mod context;
mod cors;
mod counts;
mod group;
mod limits;
mod rate;
mod request_id;
mod response;
mod service;

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{HttpResponse, Route, web};
use priv_domain::Timestamp;

use crate::auth::{Authenticator, PersonIds};
use crate::error::ApiError;

pub use access_log::AccessLog;
pub use address::AddressBlock;
pub use context::RequestContext;
pub use cors::{AllowedOrigins, NotAnOrigin};
pub use counts::RequestCounts;
pub use limits::{Limits, NotAPlan, plan_named};
pub use rate::{DayCount, Decision, RateLimiter, Subject, Window};
pub use service::EdgeService;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the edge is configured with.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Origins whose pages may use the routes of signed-in people.
    pub allowed_origins: AllowedOrigins,
    /// Scheme and host that `doc_url` begins with, without a slash at the end; those of each request
    /// if none is given.
    pub public_url: Option<String>,
    /// How many proxies of ours stand in front. 0: `X-Forwarded-For` is not looked at.
    pub trusted_proxies: usize,
    /// The rate limits of signed-in people whose token names no plan.
    pub person_limits: Limits,
    /// The rate limits of calls without a credential, by client address.
    pub anonymous_limits: Limits,
    /// Which user ids name a person.
    pub person_ids: PersonIds,
    /// Whether requests are logged.
    pub access_log: AccessLog,
    /// Where requests are counted.
    pub counts: Arc<RequestCounts>,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            allowed_origins: AllowedOrigins::default(),
            public_url: None,
            trusted_proxies: 0,
            person_limits: Limits::FREE,
            anonymous_limits: Limits::FREE,
            person_ids: PersonIds::default(),
            access_log: AccessLog::On,
            counts: Arc::default(),
        }
    }
}

/// The middleware. Cheap to clone: make one and give it to every worker.
#[derive(Clone)]
pub struct Edge(Arc<Shared>);

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) config: EdgeConfig,
    pub(crate) authenticator: Authenticator,
    pub(crate) limiter: Arc<RateLimiter>,
    pub(crate) clock: Clock,
    pub(crate) request_ids: request_id::RequestIds,
}

impl Edge {
    /// An edge over these parts. The limiter is shared so that someone else can keep its day counts.
    #[must_use]
    pub fn new(
        config: EdgeConfig,
        authenticator: Authenticator,
        limiter: Arc<RateLimiter>,
        clock: Clock,
    ) -> Self {
        let request_ids = request_id::RequestIds::default();
        Self(Arc::new(Shared { config, authenticator, limiter, clock, request_ids }))
    }
}

impl<S, B> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(EdgeService { inner: Rc::new(inner), shared: Arc::clone(&self.0) }))
    }
}

/// What a resource answers to the methods that it does not have: `.default_service(only("GET, POST"))`.
pub fn only(allow: &'static str) -> Route {
    web::route().to(move || ready(Err::<HttpResponse, _>(ApiError::method_not_allowed(allow))))
}

/// What the application answers where there is no route: `.default_service(web::to(no_such_route))`.
///
/// # Errors
/// NOT_FOUND, always.
pub async fn no_such_route() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("There is no such route: they are all under /v1"))
}

#[cfg(test)]
mod tests;
