//! The errors of the store.

use std::io;
use std::path::PathBuf;

use crate::codec;

/// Why the store can't be used. The journal is not touched by any of this.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled failed.
    #[error("the store failed")]
    Sled(#[from] sled::Error),
    /// A file could not be written or read.
    #[error("cannot access {path}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is stored is not what was written.
    #[error("the store holds a damaged {what}")]
    Damaged {
        /// What.
        what: &'static str,
    },
    /// What is stored is not of its type.
    #[error(transparent)]
    Decode(#[from] codec::DecodeError),
}
