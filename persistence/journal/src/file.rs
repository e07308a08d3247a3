//! The journal in files: its threads, opening it and shutting it down.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use priv_domain::Position;

use crate::disk::Disk;
use crate::error::{AppendError, FatalError, JournalStopped, OpenError, ReadError};
use crate::format::draft::Draft;
use crate::format::record::{Record, RecordView};
use crate::journal::Journal;
use crate::options::{OnFatal, Options, Tap};
use crate::read::catalog::Catalog;
use crate::read::scan::Scan;
use crate::stats::{JournalStats, Recent};
use crate::witness::ChainPoint;
use crate::write::bell::Bell;
use crate::write::queue::Queue;
use crate::write::recovery::{Recovered, recover};
use crate::write::sequencer::{Sequencer, before};
use crate::write::shared::Shared;
use crate::write::shelf::Shelf;
use crate::write::waiters::{Progress, WhenDurable};
use crate::write::{archiver, preallocate};

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
            recent: Mutex::new(Recent::new(ChainPoint {
                position: before(link.next),
                hash: link.hash,
            })),
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
            preallocate::run(shared);
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
        thread: &'static str,
        run: impl FnOnce(&Shared) -> Result<(), FatalError> + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run(&shared))).unwrap_or_else(|panic| {
                Err(FatalError::Panicked { thread, said: what_it_said(&*panic) })
            });
            if let Err(error) = ended {
                shared.fail(&error);
            }
        };
        let thread = std::thread::Builder::new()
            .name(thread.into())
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

    fn head(&self) -> ChainPoint {
        self.shared.recent.lock().head
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
            chain_head: recent.head.hash.to_string(),
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
