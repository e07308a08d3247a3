//! Serves contributed content: signed links to it, ranges of it, and several contents as one
//! archive.

pub(crate) mod archive;
pub(crate) mod range;
pub(crate) mod signed_url;
