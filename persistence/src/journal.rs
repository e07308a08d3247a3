//! The journal: every decision of every actor, in one total order, on disk before anyone hears of
//! it.
//!
//! [`Journal`] is the contract; [`FileJournal`] keeps it with the segments of a write-ahead log and
//! one sequencer thread that syncs once a group. The parts of a record are opaque bytes here: their
//! meaning belongs to the codec. `docs/journal.md` describes the format byte by byte, and what
//! recovery may conclude from what a power cut leaves.
//!
//! - `record`, `group`, `segment`, `archive`: the format, from the inside out; no threads.
//! - `queue`, `sequencer`, `spare`, `archiver`: writing a record, with one thread each.
//! - `recovery`, `verify`, `copy`: reading everything back.

mod archive;
mod archiver;
mod catalog;
mod chain;
mod check;
mod copy;
mod damage;
mod draft;
mod erase;
mod file;
mod group;
mod index;
mod memory;
mod queue;
mod record;
mod recovery;
mod scan;
mod segment;
mod sequencer;
mod spare;
mod stats;
mod verify;
mod waiters;
mod window;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use priv_domain::Position;

pub use chain::ChainHash;
pub use copy::{CopyError, CopyReport, copy};
pub use damage::{Corruption, Damage};
pub use draft::Draft;
pub use erase::erase_personal;
pub use file::{FileJournal, OnFatal, Options, Tap, VerifyOnOpen};
pub use group::Group;
pub use memory::MemoryJournal;
pub use record::{Personal, PersonalView, Record, RecordView};
pub use stats::{JournalStats, Spread, SyncTimes};
pub use verify::{TornTail, VerifyError, VerifyReport, verify};
pub use waiters::{Progress, WhenDurable};

/// One total order of records.
///
/// Object safe, so that a journal on a cluster, with a fence against a second writer, can take the
/// place of the one in files.
pub trait Journal: Send + Sync {
    /// Gives the record the next position and queues it. Never waits for the disk: the record is
    /// durable later, see [`Journal::when_durable`].
    ///
    /// # Errors
    /// See [`AppendError`]; on any of them nothing was appended.
    fn append(&self, draft: Draft<'_>) -> Result<Position, AppendError>;

    /// Appends several records next to each other and returns the position of the last. After a
    /// crash either all of them are there or none is.
    ///
    /// # Errors
    /// See [`AppendError`]; on any of them nothing was appended.
    fn append_all(&self, drafts: &[Draft<'_>]) -> Result<Position, AppendError>;

    /// The last position that a power cut cannot take back.
    fn durable(&self) -> Position;

    /// The last position given out.
    fn appended(&self) -> Position;

    /// Completes when [`Journal::durable`] has reached `position`, at once if it has already.
    fn when_durable(&self, position: Position) -> WhenDurable;

    /// Reads the record at a position; `None` if there is none, or if it is not durable yet.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read(&self, position: Position) -> Result<Option<Record>, ReadError>;

    /// Iterates over the records from `from` to the last one that is durable now, in order. Holds
    /// one piece of a segment in memory at a time, and ends after the first error.
    fn scan(&self, from: Position) -> Box<dyn Iterator<Item = Result<Record, ReadError>> + '_>;

    /// Statistics since the journal was opened, and over the recent groups.
    fn stats(&self) -> JournalStats;

    /// Syncs what is queued, then stops. Later appends are refused.
    fn shutdown(&self);
}

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
    /// [`Journal::shutdown`] was called.
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
    /// The sequencer, or the tap that it calls, panicked.
    #[error("the journal's sequencer panicked: {0}")]
    Panicked(String),
}
