//! The sequencer, the only thread that writes: it writes a group, syncs it, and only then announces
//! it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use priv_domain::Position;

use crate::disk::{Disk, DiskFile};
use crate::error::{FatalError, ReadError};
use crate::format::bytes::as_index;
use crate::format::chain::{ChainHash, Chainer};
use crate::format::group::{Group, HEADER_BYTES, PAGE_BYTES, seal};
use crate::format::index::segment_start;
use crate::format::segment::{Form, Header, path_of};
use crate::options::Tap;
use crate::read::catalog::{Entry, Opened};
use crate::stats::Written;
use crate::witness::ChainPoint;
use crate::write::queue::Building;
use crate::write::shared::Shared;

/// The end of the journal, and what is needed to continue from there.
pub(crate) struct Sequencer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) active: Arc<Opened>,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) start: ChainHash,
    pub(crate) offset: u64,
    pub(crate) hash: ChainHash,
    pub(crate) tap: Option<Tap>,
}

impl Sequencer {
    /// Writes group after group until the journal is shut down. Ends at the first error: what a
    /// failed write or sync has left on the disk is for recovery to find out.
    pub(crate) fn run(mut self) -> Result<(), FatalError> {
        let mut chainer = Chainer::new();
        while let Some(building) = self.shared.queue.take() {
            if building.rolls {
                self.roll(building.first)?;
            }
            self.write(building, &mut chainer)?;
        }
        Ok(())
    }

    fn write(&mut self, building: Building, chainer: &mut Chainer) -> Result<(), FatalError> {
        let Building { mut bytes, first, count, .. } = building;
        let records_bytes = bytes.len() - HEADER_BYTES;
        let mut places = Vec::new();
        let place = |position, at: usize| {
            // The index keeps one record in 32 KiB; one candidate a page is plenty.
            let last: Option<&(u64, usize)> = places.last();
            if last.is_none_or(|(_, last)| at >= last + PAGE_BYTES) {
                places.push((position, at));
            }
        };
        let hash = seal(&mut bytes, (first, count), (&self.start, &self.hash), chainer, place);
        self.file
            .write_all_at(&bytes, self.offset)
            .map_err(|source| self.fatal("write to", source))?;
        let before_sync = Instant::now();
        self.file.sync_data().map_err(|source| self.fatal("sync", source))?;
        let sync = before_sync.elapsed();

        let end = self.offset + bytes.len() as u64;
        self.active
            .extend(places.iter().map(|(position, at)| (*position, self.offset + *at as u64)), end);
        self.offset = end;
        self.hash = hash;
        let group = Group { bytes, first, count, hash };
        let written = Written { records: count, bytes: group.bytes.len() as u64, sync };
        let head = ChainPoint { position: group.last(), hash };
        self.shared.recent.lock().add(written, head);
        // The room is given back first: whoever is woken may append again at once.
        self.shared.queue.release(records_bytes);
        self.shared.progress.advance(group.last());
        self.hand_on(group);
        Ok(())
    }

    fn hand_on(&mut self, group: Group) {
        let group = Arc::new(group);
        if let Some(tap) = &mut self.tap {
            tap(Arc::clone(&group));
        }
        if let Some(group) = Arc::into_inner(group) {
            self.shared.queue.recycle(group.bytes);
        }
    }

    /// Continues in a new segment, which begins with the position `first`.
    fn roll(&mut self, first: u64) -> Result<(), FatalError> {
        let spare = self.shared.shelf.take().expect("a group that rolls has claimed a spare");
        let header = Header { first, start: self.hash };
        let path = path_of(&self.shared.dir, first, Form::Raw);
        begin(&*self.shared.disk, &spare.path, &*spare.file, &path, &header).map_err(|source| {
            FatalError::Io { doing: "begin the segment", path: path.clone(), source }
        })?;
        let active = Arc::new(Opened::active(first, path, Arc::clone(&spare.file)));
        let entry = Entry {
            first,
            start: self.hash,
            form: Form::Raw,
            bytes: self.shared.options.segment_bytes,
        };
        self.shared.catalog.roll(entry, Arc::clone(&active));
        self.shared.bell.ring();
        self.file = spare.file;
        self.active = active;
        self.start = self.hash;
        self.offset = segment_start();
        Ok(())
    }

    fn fatal(&self, doing: &'static str, source: std::io::Error) -> FatalError {
        FatalError::Io { doing, path: self.active.path().into(), source }
    }
}

/// Turns a file of zeros into a segment. Its header is durable before it gets its name, so that
/// every file with a segment's name is a segment.
pub(crate) fn begin(
    disk: &dyn Disk,
    spare: &Path,
    file: &dyn DiskFile,
    path: &Path,
    header: &Header,
) -> std::io::Result<()> {
    file.write_all_at(&header.encode(), 0)?;
    file.sync_data()?;
    disk.rename(spare, path)
}

/// Writes the last group once more, with the same bytes, and syncs it. The bytes that were read at
/// a start may be only in the kernel's cache: a killed process leaves pages that were never synced,
/// and after a failed sync they even count as clean, so that a sync alone would do nothing.
pub(crate) fn make_durable(
    file: &dyn DiskFile,
    path: &Path,
    from: u64,
    to: u64,
) -> Result<(), ReadError> {
    let io = |source| ReadError::Io { file: path.into(), source };
    let mut bytes = vec![0; as_index(to - from)];
    file.read_exact_at(&mut bytes, from).map_err(io)?;
    file.write_all_at(&bytes, from).map_err(io)?;
    file.sync_data().map_err(io)
}

/// The position before the first record of a journal that continues with `next`.
pub(crate) const fn before(next: u64) -> Position {
    Position::new(next - 1)
}
