//! What a client sees: routes, who may call them, what they answer.
//!
//! A handler is about ten lines: who calls (an extractor's type), what they ask (a body or query
//! type), one question to an actor, and a view of the answer. The [`edge`] is around all of them;
//! [`ingest`] reads events in whatever dialect they come.
//!
//! What is left out: rules (`priv-domain`), actors (`priv-actors`), files.

mod archive;
pub mod auth;
pub mod body;
pub mod edge;
pub mod envelope;
pub mod error;
mod handlers;
pub mod ingest;
pub mod metrics;
pub mod openapi;
mod pagination;
mod range;
pub mod receipt;
mod refusal;
mod request_tag;
pub mod routes;
mod signed_url;
pub mod state;
mod time;

pub use routes::configure;
pub use state::{AppState, Review, StateOptions};
