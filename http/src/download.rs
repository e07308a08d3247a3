//! Contributed content as an answer: links to it, ranges of it, and many contents as one archive.

pub(crate) mod archive;
pub(crate) mod range;
pub(crate) mod signed_url;
