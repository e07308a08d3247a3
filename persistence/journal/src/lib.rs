//! The journal: what actors decided, in one total order, on disk before anyone hears of it.
//!
//! [`Journal`] is the contract; [`FileJournal`] keeps it with segments of a write-ahead log and
//! one sequencer thread that syncs once a group. `docs/journal.md` walks through the format, byte
//! by byte, and through what recovery may conclude from what a power cut leaves.
//!
//! - [`disk`]: what it needs of a disk, and which calls are durable.
//! - `format`: records, groups, segments, and the chain over them; no threads.
//! - `archive`: a closed segment, compressed.
//! - `read`: one record, all of them, or every byte, checked; copies for a backup.
//! - `write`: the road of a record, one thread each; recovery, and erasure.
//!
//! Each builds on those above it. What is left out: what the parts of a record mean. They are
//! opaque bytes here, and belong to the codec of `priv-store`.

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
pub use write::erase::erase_personal;
pub use write::waiters::{Progress, WhenDurable};
