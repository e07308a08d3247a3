//! The types of handlers' arguments: who calls, and what they ask.
//!
//! Two kinds of refusal are kept apart. Bytes that are not JSON are INVALID_REQUEST, and the
//! message says where they break; JSON of the wrong shape is VALIDATION_ERROR, and `details` names
//! the field.

pub mod body;
pub mod caller;
pub(crate) mod context;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod path;
pub(crate) mod query;

#[cfg(test)]
mod tests;
