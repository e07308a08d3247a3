//! What goes over the wire, and how it is written: amounts, whole numbers, times, JSON texts, the
//! envelope around answers, lists in pages, and the schemas and parameters that many routes share.
//!
//! *Invariant*: nothing here knows a route, a handler or the document that describes them.

pub mod amount;
pub mod depth;
pub mod envelope;
pub(crate) mod integer;
pub mod json;
pub(crate) mod pagination;
pub(crate) mod params;
pub(crate) mod schemas;
pub(crate) mod time;
