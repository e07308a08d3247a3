//! The contract of every journal.

use priv_domain::Position;

use crate::error::{AppendError, ReadError};
use crate::format::draft::Draft;
use crate::format::record::Record;
use crate::stats::JournalStats;
use crate::witness::ChainPoint;
use crate::write::waiters::WhenDurable;

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

    /// The end of the chain: the last group that a power cut cannot take back. At or after
    /// [`Journal::durable`].
    fn head(&self) -> ChainPoint;

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
