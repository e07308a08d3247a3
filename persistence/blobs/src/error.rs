//! The error of the blob store.

use std::error::Error;
use std::io;

use crate::content_hash::ContentHash;

/// Why a blob can't be written or read. Clients are told no details of it.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The upload passed the limit that it was begun with.
    #[error("the content is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit in bytes.
        max_bytes: u64,
    },
    /// As many uploads or previews as there may be are under way; it may be tried again.
    #[error("too many uploads or previews at once")]
    Busy,
    /// Nothing is stored under this hash.
    #[error("there is no content {0}")]
    NotFound(ContentHash),
    /// No byte of the content is in the range.
    #[error("the range lies outside of the {size} bytes")]
    OutOfRange {
        /// The size of the whole content, in bytes.
        size: u64,
    },
    /// An earlier write of this upload failed or was cancelled.
    #[error("the upload was already broken off")]
    BrokenOff,
    /// The lock of one content was used for another.
    #[error("the lock is not the one of this content")]
    OtherLock,
    /// The disk failed, or is full (`StorageFull`).
    #[error("cannot access the blobs")]
    Io(#[from] io::Error),
    /// The object store failed.
    #[error("the object store failed")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
