//! A journal in memory, for the tests of its users.

use std::path::Path;
use std::sync::Arc;

use priv_domain::Position;

use crate::disk::MemoryDisk;
use crate::error::{AppendError, FatalError, OpenError, ReadError};
use crate::file::FileJournal;
use crate::format::draft::Draft;
use crate::format::record::Record;
use crate::journal::Journal;
use crate::options::{Options, Tap};
use crate::stats::JournalStats;
use crate::witness::ChainPoint;
use crate::write::waiters::WhenDurable;

/// The same journal as on disk, over a disk in memory: same format, same threads, same answers.
#[derive(Debug)]
pub struct MemoryJournal(FileJournal);

impl MemoryJournal {
    /// The folder of its segments on the disk.
    pub const DIR: &'static str = "/journal";

    /// Opens an empty journal on a new disk in memory.
    ///
    /// # Errors
    /// As [`FileJournal::open`].
    pub fn new(tap: Option<Tap>) -> Result<Self, OpenError> {
        Self::open(&MemoryDisk::new(), tap)
    }

    /// Opens the journal on a disk in memory, which may hold an earlier one.
    ///
    /// # Errors
    /// As [`FileJournal::open`].
    pub fn open(disk: &MemoryDisk, tap: Option<Tap>) -> Result<Self, OpenError> {
        let options = Options {
            segment_bytes: 8 << 20,
            max_record_bytes: 4 << 20,
            archive: false,
            ..Options::default()
        };
        let on_fatal =
            Box::new(|error: &FatalError| panic!("memory does not fail, but here: {error}"));
        let disk = Arc::new(disk.clone());
        FileJournal::open(disk, Path::new(Self::DIR), options, tap, on_fatal).map(Self)
    }
}

impl Journal for MemoryJournal {
    fn append(&self, draft: Draft<'_>) -> Result<Position, AppendError> {
        self.0.append(draft)
    }

    fn append_all(&self, drafts: &[Draft<'_>]) -> Result<Position, AppendError> {
        self.0.append_all(drafts)
    }

    fn durable(&self) -> Position {
        self.0.durable()
    }

    fn head(&self) -> ChainPoint {
        self.0.head()
    }

    fn appended(&self) -> Position {
        self.0.appended()
    }

    fn when_durable(&self, position: Position) -> WhenDurable {
        self.0.when_durable(position)
    }

    fn read(&self, position: Position) -> Result<Option<Record>, ReadError> {
        self.0.read(position)
    }

    fn scan(&self, from: Position) -> Box<dyn Iterator<Item = Result<Record, ReadError>> + '_> {
        self.0.scan(from)
    }

    fn stats(&self) -> JournalStats {
        self.0.stats()
    }

    fn shutdown(&self) {
        self.0.shutdown();
    }
}
