//! The HTTP interface: routes, who may call them, and what they answer.
//!
//! A handler has about ten lines: who calls (an extractor's type), what they ask (a body or query
//! type), one question to an actor, and a view of the answer. The [`middleware`] is around all of
//! them; [`ingest`] reads events in any of the dialects.
//!
//! Left out: rules (`priv-domain`), actors (`priv-actors`), files.

pub mod auth;
mod describe;
mod download;
pub mod error;
pub mod extract;
mod handlers;
mod idempotency;
pub mod ingest;
pub mod metrics;
pub mod middleware;
mod openapi;
pub mod rate_limit;
pub mod receipt;
mod route;
pub mod router;
pub mod state;
pub mod wire;

pub use router::{configure, document};
pub use state::{AppState, Review, StateOptions};
