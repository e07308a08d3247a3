//! The journal: every decision of every actor, in one total order, on disk before anyone hears of
//! it.
//!
//! [`Journal`] is the contract; [`FileJournal`] keeps it with the segments of a write-ahead log and
//! one sequencer thread that syncs once a group. `docs/journal.md` describes the format byte by
//! byte, and what recovery may conclude from what a power cut leaves.
//!
//! - [`disk`]: the calls that a journal makes to a disk, and which of them are durable.
//! - `format`: records, groups, segments, and the chain over them; no threads.
//! - `archive`: a closed segment, compressed.
//! - `read`: reading one record or all of them, checking every byte, copying for a backup.
//! - `write`: writing a record, with one thread for each step; recovery, and erasure.
//!
//! Each builds on those above it. The meaning of a record's parts is left out: they are opaque
//! bytes here, and the codec of `priv-store` reads them.

mod archive;
mod damage;
pub mod disk;
mod error;
mod file;
mod format;
mod journal;
mod memory;
mod options;
mod read;
mod stats;
#[cfg(test)]
mod tests;
mod witness;
mod write;

pub use damage::{Corruption, Damage};
pub use error::{AppendError, FatalError, JournalStopped, OpenError, ReadError};
pub use file::FileJournal;
pub use format::chain::ChainHash;
pub use format::draft::Draft;
pub use format::group::Group;
pub use format::record::{Personal, PersonalView, Record, RecordView};
pub use journal::Journal;
pub use memory::MemoryJournal;
pub use options::{OnFatal, Options, Tap, VerifyOnOpen};
pub use read::copy::{CopyError, CopyReport, copy};
pub use read::verify::{TornTail, VerifyError, VerifyReport, verify};
pub use stats::{JournalStats, Spread, SyncTimes};
pub use witness::{ChainPoint, Witness};
pub use write::erase::erase_personal;
pub use write::waiters::{Progress, WhenDurable};
