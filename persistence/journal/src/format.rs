//! The format of a segment, from the inside out: records, groups, segments, the chain over them,
//! the index into them. No threads.

pub(crate) mod bytes;
pub(crate) mod chain;
pub(crate) mod draft;
pub(crate) mod group;
pub(crate) mod image;
pub(crate) mod index;
pub(crate) mod record;
pub(crate) mod segment;
