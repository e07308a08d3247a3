//! The one layer around every route.
//!
//! It gives the request its id, answers preflights, finds out who calls, charges the rate limit,
//! calls the route, turns whatever came back into the envelope, adds the headers, and writes one
//! line to the access log. Why one layer, and in this order: `docs/http-edge.md`.

mod access_log;
mod address;
mod config;
mod context;
mod cors;
mod counts;
mod group;
mod request_id;
mod response;
mod service;
mod translate;

pub use config::{AccessLog, Clock, EdgeConfig};
pub use context::RequestContext;
pub use cors::{AllowedOrigins, NotAnOrigin};
pub use counts::RequestCounts;
pub use group::{Group, Groups};
pub use service::{Edge, EdgeService};

#[cfg(test)]
mod tests;
