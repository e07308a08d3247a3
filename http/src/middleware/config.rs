//! The configuration of the middleware, and what all requests share.

use std::sync::Arc;

use priv_domain::Timestamp;

use super::cors::AllowedOrigins;
use super::counts::RequestCounts;
use super::group::Groups;
use super::request_id::RequestIds;
use crate::auth::{Authenticator, PersonIds};
use crate::rate_limit::{Limits, RateLimiter};

/// Tells the time; a test's can stand still.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The configuration of the edge.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Origins whose pages may use the routes of signed-in people.
    pub allowed_origins: AllowedOrigins,
    /// The scheme and host that `doc_url` begins with, without a slash at the end; if `None`, those
    /// that each request used.
    pub public_url: Option<String>,
    /// The number of our own proxies in front. With 0, `X-Forwarded-For` is ignored.
    pub trusted_proxies: usize,
    /// The rate limits of signed-in people whose token names no plan.
    pub person_limits: Limits,
    /// The rate limits of calls without a credential, counted by client address.
    pub anonymous_limits: Limits,
    /// The rule by which user ids name persons.
    pub person_ids: PersonIds,
    /// Whether requests are logged.
    pub access_log: AccessLog,
    /// Counts requests by status, for metrics.
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

/// Whether requests are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Each request is logged at level `info`, under the target `priv_http::access`.
    #[default]
    On,
    /// Requests are not logged.
    Off,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) config: EdgeConfig,
    pub(crate) groups: Groups,
    pub(crate) authenticator: Authenticator,
    pub(crate) limiter: Arc<RateLimiter>,
    pub(crate) clock: Clock,
    pub(crate) request_ids: RequestIds,
}
