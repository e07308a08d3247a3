//! The errors of the store.

use std::io;
use std::path::PathBuf;

use crate::codec;

/// The reason why the store can't be used. The journal is not touched by any of this.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled itself failed.
    #[error("the store failed")]
    Sled(#[from] sled::Error),
    /// A file could not be written or read.
    #[error("cannot access {path}", path = path.display())]
    Io {
        /// The path of the file or folder.
        path: PathBuf,
        /// The error that the system gave.
        source: io::Error,
    },
    /// Stored bytes are not those that were written.
    #[error("the store holds a damaged {what}")]
    Damaged {
        /// The thing that is damaged, for people to read.
        what: &'static str,
    },
    /// The note of the last checkpoint is not what was written there.
    #[error(
        "{path} is damaged: if the journal is known to be whole (`privd verify`), remove it",
        path = path.display()
    )]
    DamagedCheckpoint {
        /// The path of the note.
        path: PathBuf,
    },
    /// Stored bytes are not a value of the expected type.
    #[error(transparent)]
    Decode(#[from] codec::DecodeError),
}
