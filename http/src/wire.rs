//! Values on the wire. One type for each says how it is read, within which bounds, how it is
//! written, and how it is described.
//!
//! Members of JSON bodies are `member::Member`s, declared with `body!`; parameters are
//! `param::Param`s, declared with `query!`; types with a few words are declared with `words!`.
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
