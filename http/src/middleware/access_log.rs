//! Writes one line for each request to the access log.
//!
//! The line can be kept and shared: it has the route's pattern instead of the path (which has ids),
//! and no query, address, user or credential.

use std::time::Instant;

use actix_web::http::{Method, StatusCode};

use super::config::AccessLog;
use super::context::RequestContext;
use crate::auth::Principal;

/// The target of the lines, by which filters pick them.
const TARGET: &str = "priv_http::access";

pub(super) struct Line<'a> {
    pub(super) method: &'a Method,
    pub(super) status: StatusCode,
    pub(super) started: Instant,
}

impl Line<'_> {
    /// Writes the line. `route` is only called if somebody listens.
    pub(super) fn write(&self, context: &RequestContext, route: impl FnOnce() -> Option<String>) {
        let log = context.shared.config.access_log;
        if log == AccessLog::Off || !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
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
            method = %self.method,
            route = route.as_deref().unwrap_or("-"),
            status = self.status.as_u16(),
            micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
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
