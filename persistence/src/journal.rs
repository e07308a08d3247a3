//! The journal: what actors decided, in one total order, on disk before anyone hears of it.
//!
//! [`Journal`] is the contract; [`FileJournal`] keeps it with segments of a write-ahead log and
//! one sequencer thread that syncs once a group. The parts of a record are opaque bytes here: what
//! they mean belongs to the codec. `docs/journal.md` walks through the format, byte by byte, and
//! through what recovery may conclude from what a power cut leaves.
//!
//! - `record`, `group`, `segment`, `archive`: the format, from the inside out; no threads.
//! - `queue`, `sequencer`, `spare`, `archiver`: the road of a record, one thread each.
//! - `recovery`, `verify`, `copy`: reading it all back.

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
/// place of the one in a file.
pub trait Journal: Send + Sync {
    /// Gives the record the next position. It is on disk later: see [`Journal::when_durable`].
    /// Never waits for the disk.
    ///
    /// # Errors
    /// See [`AppendError`]; then nothing was appended.
    fn append(&self, draft: Draft<'_>) -> Result<Position, AppendError>;

    /// Appends several records next to each other, and says the position of the last. After a
    /// crash either all of them are there or none is.
    ///
    /// # Errors
    /// See [`AppendError`]; then nothing was appended.
    fn append_all(&self, drafts: &[Draft<'_>]) -> Result<Position, AppendError>;

    /// The last position that a power cut cannot take back.
    fn durable(&self) -> Position;

    /// The last position given out.
    fn appended(&self) -> Position;

    /// Completes when [`Journal::durable`] has reached `position`, at once if it has already.
    fn when_durable(&self, position: Position) -> WhenDurable;

    /// The record at a position; `None` if there is none, or if it is not durable yet.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read(&self, position: Position) -> Result<Option<Record>, ReadError>;

    /// The records from `from` to what is durable now, in order, a piece of a segment in memory
    /// at a time. Ends after the first error.
    fn scan(&self, from: Position) -> Box<dyn Iterator<Item = Result<Record, ReadError>> + '_>;

    /// How it does.
    fn stats(&self) -> JournalStats;

    /// Syncs what is queued and stops. Later appends are refused.
    fn shutdown(&self);
}

/// Why a record was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much is waiting for the disk, or the disk has no room for the next segment. Try later.
    #[error("the journal has no room now")]
    Full,
    /// It will never fit.
    #[error("a record of {bytes} bytes is larger than the {limit} that the journal takes")]
    TooLarge {
        /// What it would take.
        bytes: u64,
        /// What is possible.
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
    /// A write or sync failed. What was not durable is unknown until the next start.
    #[error("the journal stopped because the disk failed")]
    Failed,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk failed.
    #[error("cannot read {file}", file = file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
}

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The options contradict each other.
    #[error("journal options: {0}")]
    Options(&'static str),
    /// The disk failed.
    #[error("cannot {doing} {path}", path = path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// What was durable once is damaged.
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

/// Why the journal had to stop. The process must stop too: recovery decides what is true.
#[derive(Debug, thiserror::Error)]
pub enum FatalError {
    /// A write, sync or rename failed.
    #[error("cannot {doing} {path}", path = path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The sequencer, or the tap that it calls, panicked.
    #[error("the journal's sequencer panicked: {0}")]
    Panicked(String),
}
