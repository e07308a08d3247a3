//! Stores contributed content, once, under its own hash.
//!
//! A [`BlobStore`] keeps its objects in a folder or, by configuration, in S3. Content comes in as
//! an [`Upload`], which becomes [`Staged`]: hashed, and with its [type](Content) found from its own
//! bytes. It is kept under the [lock of its hash](ContentLock) and goes out as a [`BlobRead`];
//! [`BlobStore::preview`] shows a part of it. No name that a client chose ever becomes part of a
//! path.
//!
//! These steps keep the journal and the blobs consistent. All of them happen under the content's
//! lock, in a task that a client who hangs up does not cancel:
//!
//! 1. [`Staged::keep`], and only then the entry that refers to the hash. If the entry is refused:
//! 2. check whether anyone refers to the hash, and if nobody does, [`BlobStore::erase`].
//!
//! A crash in between leaves content that nobody refers to, which [`BlobStore::collect_orphans`]
//! erases when it was seen so for a week. Before that, [`BlobStore::claim`] makes sure that the
//! store is this installation's own. `docs/blobs.md` has the reasons.
//!
//! Permissions, and limits by type of contribution, are not checked here (`priv-http` does); nor is
//! it known here who refers to which content (`priv-store` does). No crate of the workspace is
//! used.

mod content_hash;
mod decoding;
mod error;
mod folder;
mod lock;
mod media;
mod objects;
mod orphans;
mod ownership;
mod preview;
mod reading;
#[cfg(feature = "s3")]
mod remote;
mod s3;
mod shelf;
mod staging;
mod store;
mod tasks;
#[cfg(test)]
mod tests;
mod upload;

pub use content_hash::ContentHash;
pub use error::BlobError;
pub use folder::mark_folder;
pub use lock::ContentLock;
pub use media::{Content, MediaType};
pub use orphans::Orphans;
pub use ownership::{Adopt, Claim, ClaimError, Installation};
pub use preview::Preview;
pub use reading::BlobRead;
pub use s3::S3Options;
pub use store::BlobStore;
pub use upload::{Kept, Staged, Upload};
