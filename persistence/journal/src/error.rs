//! The errors of appending, reading, opening and running a journal.

use std::io;
use std::path::PathBuf;

use priv_domain::Position;

use crate::damage::Corruption;

/// Why a record was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much is waiting for the disk, or the disk has no room for the next segment. It may be
    /// tried again later.
    #[error("the journal has no room now")]
    Full,
    /// The record is larger than any that the journal takes; it will never fit.
    #[error("a record of {bytes} bytes is larger than the {limit} that the journal takes")]
    TooLarge {
        /// Bytes that the record would take.
        bytes: u64,
        /// The most bytes that a record may take.
        limit: u64,
    },
    /// The journal is no longer writing.
    #[error(transparent)]
    Stopped(#[from] JournalStopped),
}

/// Why the journal no longer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalStopped {
    /// [`Journal::shutdown`](crate::Journal::shutdown) was called.
    #[error("the journal was shut down")]
    ShutDown,
    /// A write or sync failed. Whether the records that were not durable yet survive is unknown
    /// until the next start.
    #[error("the journal stopped because the disk failed")]
    Failed,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk could not read a file.
    #[error("cannot read {file}", file = file.display())]
    Io {
        /// The file that was read.
        file: PathBuf,
        /// The disk's own error.
        source: io::Error,
    },
    /// The bytes read are not those that were written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
}

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The options contradict each other.
    #[error("journal options: {0}")]
    Options(&'static str),
    /// The disk refused an operation.
    #[error("cannot {doing} {path}", path = path.display())]
    Io {
        /// The operation, as a verb: "list", "sync".
        doing: &'static str,
        /// The file or folder that it was tried on.
        path: PathBuf,
        /// The disk's own error.
        source: io::Error,
    },
    /// Bytes that were durable once are damaged.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// A [`Witness`](crate::Witness) knows of records after the journal's end. Nothing was changed.
    #[error(
        "the journal in {dir} ends at position {end}, but position {known} was on disk once: acknowledged records are missing; nothing was changed",
        dir = dir.display()
    )]
    Lost {
        /// The journal's folder.
        dir: PathBuf,
        /// The position at which it ends; an unfinished group is not counted.
        end: Position,
        /// The last position that is known to have been durable.
        known: Position,
    },
    /// A [`Witness`](crate::Witness) knows another chain. Nothing was changed.
    #[error(
        "the journal in {dir} is not the one that was here: up to position {position} it has other records; nothing was changed",
        dir = dir.display()
    )]
    Another {
        /// The journal's folder.
        dir: PathBuf,
        /// The position at which the chain's hash was another.
        position: Position,
    },
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { file, source } => Self::Io { doing: "read", path: file, source },
            ReadError::Corrupt(corruption) => Self::Corrupt(corruption),
        }
    }
}

/// Why the journal had to stop. The process must stop too; recovery then decides what is on disk.
#[derive(Debug, thiserror::Error)]
pub enum FatalError {
    /// A write, sync or rename failed.
    #[error("cannot {doing} {path}", path = path.display())]
    Io {
        /// The operation, as a verb: "write to", "sync".
        doing: &'static str,
        /// The file that it was tried on.
        path: PathBuf,
        /// The disk's own error.
        source: io::Error,
    },
    /// A thread of the journal, or the tap that it calls, panicked.
    #[error("the thread {thread} panicked: {said}")]
    Panicked {
        /// The thread's name.
        thread: &'static str,
        /// The panic's message.
        said: String,
    },
}
