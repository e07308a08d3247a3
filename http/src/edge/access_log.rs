//! One line a request.
//!
//! What is in it can be kept and shared: the route's pattern rather than the path (ids are in
//! paths), no query, no address, no user, no credential.

use std::time::Instant;

use actix_web::http::{Method, StatusCode};

use super::RequestContext;
use crate::auth::Principal;

/// Whether requests are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// At the level of `info`, under the target `priv_http::access`.
    #[default]
    On,
    /// Not at all.
    Off,
}

/// The target of the lines, for filters.
const TARGET: &str = "priv_http::access";

pub(super) struct Line<'a> {
    pub(super) method: &'a Method,
    pub(super) status: StatusCode,
    pub(super) started: Instant,
}

impl AccessLog {
    /// Writes the line. `route` is asked for its pattern only if someone listens.
    pub(super) fn write(
        self,
        line: &Line<'_>,
        context: &RequestContext,
        route: impl FnOnce() -> Option<String>,
    ) {
        if self == Self::Off || !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return;
        }
        let route = route();
        let project = match context.principal() {
            Principal::Key(key) => Some(key.project),
            Principal::Anonymous(_)
            | Principal::Person(_)
            | Principal::Operator
            | Principal::Refused(_) => None,
        };
        tracing::info!(
            target: TARGET,
            method = %line.method,
            route = route.as_deref().unwrap_or("-"),
            status = line.status.as_u16(),
            micros = u64::try_from(line.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            request_id = context.request_id(),
            caller = kind_of(context.principal()),
            project = project.map(tracing::field::display),
            "request"
        );
    }
}

fn kind_of(principal: &Principal) -> &'static str {
    match principal {
        Principal::Anonymous(_) => "anonymous",
        Principal::Key(_) => "key",
        Principal::Person(_) => "person",
        Principal::Operator => "operator",
        Principal::Refused(_) => "refused",
    }
}
