//! What goes over the wire: how each value is read, within which bounds, how it is written, and what
//! the document says of it. All of that stands in one type for each.
//!
//! Members of JSON bodies are [`member::Member`]s, declared by `body!`; parameters are
//! [`param::Param`]s, declared by `query!`; words of a few are declared by `words!`.
//!
//! *Invariant*: nothing here knows a route, a handler or the document that describes them.

pub mod amount;
pub mod depth;
pub mod envelope;
pub(crate) mod ids;
pub(crate) mod integer;
pub(crate) mod issues;
pub mod json;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod pagination;
pub(crate) mod param;
pub(crate) mod schema;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod words;
