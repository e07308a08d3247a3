//! The one layer around every route.
//!
//! It gives the request its id, answers preflights, identifies the caller, charges the rate limit,
//! calls the route, puts errors into the envelope, adds headers, and writes one line to the access
//! log. `docs/http-edge.md` explains why it is one layer, and why in this order.

mod access_log;
mod address;
mod config;
mod context;
mod cors;
mod counts;
mod current;
mod group;
mod request_id;
mod response;
mod service;
mod translate;

pub use config::{AccessLog, Clock, EdgeConfig};
pub use context::RequestContext;
pub use cors::{AllowedOrigins, NotAnOrigin};
pub use counts::RequestCounts;
pub use current::{in_request, with_request_id};
pub use group::{Group, Groups};
pub use service::{Edge, EdgeService};

#[cfg(test)]
mod tests;
