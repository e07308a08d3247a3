//! The journal in files: its options, its threads, opening it and shutting it down.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use priv_domain::Position;

use super::archiver::{self, Bell};
use super::catalog::Catalog;
use super::group::{HEADER_BYTES, MARKER_BYTES, PAGE_BYTES, padded};
use super::queue::Queue;
use super::record::MAX_RECORD_BYTES;
use super::recovery::{Recovered, recover};
use super::scan::Scan;
use super::sequencer::{Sequencer, before};
use super::spare::{self, Shelf};
use super::stats::Recent;
use super::waiters::Progress;
use super::{
    AppendError, Draft, FatalError, Group, Journal, JournalStats, JournalStopped, OpenError,
    ReadError, Record, RecordView, WhenDurable,
};
use crate::disk::Disk;

/// A function that the sequencer's thread calls with each durable group, in order, after it has
/// woken those who waited for the group. While it runs no group is written; if it panics the
/// journal stops.
pub type Tap = Box<dyn FnMut(Arc<Group>) + Send>;

/// A function that is called, once, when the journal had to stop. It must make the process stop.
pub type OnFatal = Box<dyn Fn(&FatalError) + Send + Sync>;

/// The settings of a journal in files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of a segment in bytes; a multiple of 4096, at most 1 GiB. Default: 64 MiB.
    pub segment_bytes: u64,
    /// Bytes that may wait for the disk before [`AppendError::Full`]. Default: 64 MiB.
    pub max_queued_bytes: usize,
    /// Largest record in bytes, with its head of 60 bytes and its entity's key; at most 1 GiB.
    /// Default: 16 MiB.
    pub max_record_bytes: usize,
    /// Bytes that a group grows to before the next is begun; a larger record makes a larger group.
    /// Default: 1 MiB.
    pub group_bytes: usize,
    /// Whether closed segments are compressed. Default: yes.
    pub archive: bool,
    /// How much of the closed segments is checked at a start. Default: all of it.
    pub verify_on_open: VerifyOnOpen,
    /// The pause before the next segment is prepared again after a failure. Default: 500 ms.
    pub retry: Duration,
}

/// How much of the closed segments is checked at a start. The last segment is always checked in
/// full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyOnOpen {
    /// Every byte, so that a flipped one is found.
    #[default]
    Full,
    /// Headers and footers only: that no segment is missing.
    Ends,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_queued_bytes: 64 << 20,
            max_record_bytes: 16 << 20,
            group_bytes: 1 << 20,
            archive: true,
            verify_on_open: VerifyOnOpen::Full,
            retry: Duration::from_millis(500),
        }
    }
}

impl Options {
    /// Bytes that a segment has for groups.
    pub(super) const fn room_of_segment(&self) -> u64 {
        self.segment_bytes - PAGE_BYTES as u64
    }

    fn check(&self) -> Result<(), OpenError> {
        let page = PAGE_BYTES as u64;
        let wrong = if !self.segment_bytes.is_multiple_of(page) || self.segment_bytes > 1 << 30 {
            "segment_bytes must be a multiple of 4096, and at most 1 GiB"
        } else if self.max_record_bytes > MAX_RECORD_BYTES {
            "max_record_bytes must be at most 1 GiB"
        } else if self.segment_bytes
            < page + padded(HEADER_BYTES + self.max_record_bytes + MARKER_BYTES) as u64
        {
            "a record of max_record_bytes must fit into a segment"
        } else if self.max_record_bytes > self.max_queued_bytes {
            "a record of max_record_bytes must fit into max_queued_bytes"
        } else {
            return Ok(());
        };
        Err(OpenError::Options(wrong))
    }
}

/// The state that the threads of a journal share.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) options: Options,
    pub(super) queue: Queue,
    pub(super) progress: Arc<Progress>,
    pub(super) catalog: Catalog,
    pub(super) recent: Mutex<Recent>,
    pub(super) shelf: Shelf,
    pub(super) bell: Bell,
    on_fatal: OnFatal,
}

impl Shared {
    /// Stops everything: records that are not durable yet will not be acknowledged.
    fn fail(&self, error: &FatalError) {
        tracing::error!(error = error as &dyn std::error::Error, "the journal stopped");
        self.queue.stop(JournalStopped::Failed);
        self.bell.stop();
        self.progress.stop(JournalStopped::Failed);
        (self.on_fatal)(error);
    }
}

/// A journal in the files of one folder; the documentation of its module says how it works.
pub struct FileJournal {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl FileJournal {
    /// Opens the journal in a folder, or begins one there. A torn end is cut off and logged.
    ///
    /// # Errors
    /// [`OpenError::Corrupt`] if bytes that were durable once are damaged; then nothing is changed.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        tap: Option<Tap>,
        on_fatal: OnFatal,
    ) -> Result<Self, OpenError> {
        options.check()?;
        let recovered = recover(&*disk, dir, &options)?;
        let Recovered { entries, active, file, start, offset, room, link } = recovered;
        let archive = options.archive;
        let shared = Arc::new(Shared {
            queue: Queue::new(&options, link.next, room),
            progress: Arc::new(Progress::new(before(link.next))),
            catalog: Catalog::new(Arc::clone(&disk), dir, entries, Arc::clone(&active)),
            recent: Mutex::new(Recent::new(link.hash)),
            shelf: Shelf::default(),
            bell: Bell::default(),
            disk,
            dir: dir.into(),
            options,
            on_fatal,
        });
        let sequencer = Sequencer {
            shared: Arc::clone(&shared),
            active,
            file,
            start,
            offset,
            hash: link.hash,
            tap,
        };
        let journal = Self { shared, threads: Mutex::default() };
        journal.spawn("journal", move |_| sequencer.run());
        journal.spawn("journal-spare", |shared| {
            spare::run(shared);
            Ok(())
        });
        if archive {
            journal.spawn("journal-archive", |shared| {
                archiver::run(shared);
                Ok(())
            });
        }
        Ok(journal)
    }

    /// Visits the records from `from` to the last one that is durable now, without copying them.
    ///
    /// # Errors
    /// See [`ReadError`]; the records before the damaged one have been visited.
    pub fn visit(
        &self,
        from: Position,
        mut visit: impl FnMut(&RecordView<'_>),
    ) -> Result<(), ReadError> {
        let mut scan = self.scan_from(from);
        while let Some(visited) = scan.next_with(&mut visit) {
            visited?;
        }
        Ok(())
    }

    fn scan_from(&self, from: Position) -> Scan<'_> {
        Scan::new(&self.shared.catalog, from.get(), self.durable().get())
    }

    fn spawn(
        &self,
        name: &str,
        run: impl FnOnce(&Shared) -> Result<(), FatalError> + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run(&shared)))
                .unwrap_or_else(|panic| Err(FatalError::Panicked(what_it_said(&*panic))));
            if let Err(error) = ended {
                shared.fail(&error);
            }
        };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(work)
            .expect("a process that starts can start threads");
        self.threads.lock().push(thread);
    }
}

impl Journal for FileJournal {
    fn append(&self, draft: Draft<'_>) -> Result<Position, AppendError> {
        self.shared.queue.append(std::slice::from_ref(&draft))
    }

    fn append_all(&self, drafts: &[Draft<'_>]) -> Result<Position, AppendError> {
        self.shared.queue.append(drafts)
    }

    fn durable(&self) -> Position {
        self.shared.progress.reached()
    }

    fn appended(&self) -> Position {
        self.shared.queue.appended()
    }

    fn when_durable(&self, position: Position) -> WhenDurable {
        self.shared.progress.when(position)
    }

    fn read(&self, position: Position) -> Result<Option<Record>, ReadError> {
        if position == Position::ZERO || position > self.durable() {
            return Ok(None);
        }
        self.shared.catalog.read(position.get()).map(Some)
    }

    fn scan(&self, from: Position) -> Box<dyn Iterator<Item = Result<Record, ReadError>> + '_> {
        Box::new(self.scan_from(from))
    }

    fn stats(&self) -> JournalStats {
        let (segments, archived_segments, bytes_on_disk) = self.shared.catalog.totals();
        let recent = self.shared.recent.lock();
        JournalStats {
            appended: self.appended(),
            durable: self.durable(),
            chain_head: recent.head.to_string(),
            groups: recent.groups,
            group_records: recent.records(),
            group_bytes: recent.bytes(),
            sync: recent.sync(),
            queued_bytes: self.shared.queue.queued_bytes() as u64,
            segments,
            archived_segments,
            bytes_on_disk,
        }
    }

    fn shutdown(&self) {
        self.shared.queue.stop(JournalStopped::ShutDown);
        self.shared.bell.stop();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // `on_fatal` and the tap run on these threads, and may shut the journal down
            // themselves.
            if thread.thread().id() != std::thread::current().id() {
                // Its panics were caught; there is nothing to learn from the result.
                drop(thread.join());
            }
        }
        self.shared.progress.stop(JournalStopped::ShutDown);
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for FileJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileJournal")
            .field("dir", &self.shared.dir)
            .field("durable", &self.durable())
            .finish_non_exhaustive()
    }
}

fn what_it_said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
