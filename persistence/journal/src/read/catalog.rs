//! The catalog of a journal's segments, and reading records from them by position.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::archive::Archive;
use crate::damage::{Damage, Fault};
use crate::disk::{Disk, DiskFile};
use crate::error::ReadError;
use crate::format::bytes::as_index;
use crate::format::chain::ChainHash;
use crate::format::group::PAGE_BYTES;
use crate::format::image::{Image, RawImage};
use crate::format::index::{Cursor, Index};
use crate::format::record::Record;
use crate::format::segment::{self, Form, Found, Header, path_of};

/// Closed segments that are kept open, with their indexes of up to 64 KiB each.
const OPEN_SEGMENTS: usize = 64;

/// What the catalog knows of a segment without opening it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) first: u64,
    pub(crate) start: ChainHash,
    pub(crate) form: Form,
    /// Its size on the disk, in bytes.
    pub(crate) bytes: u64,
}

/// A segment that can be read by position.
pub(crate) struct Opened {
    first: u64,
    path: PathBuf,
    content: Content,
}

enum Content {
    Raw { file: Arc<dyn DiskFile>, index: RwLock<Index> },
    Archived(Archive),
}

impl Opened {
    /// The segment that is being written, which is still empty.
    pub(crate) fn active(first: u64, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        Self::raw(first, path, file, Index::default())
    }

    pub(crate) fn raw(first: u64, path: PathBuf, file: Arc<dyn DiskFile>, index: Index) -> Self {
        Self { first, path, content: Content::Raw { file, index: RwLock::new(index) } }
    }

    fn open(disk: &dyn Disk, dir: &Path, found: Found) -> Result<(Self, Form), ReadError> {
        let (path, form, file) = segment::open(disk, dir, found)?;
        let content = match form {
            Form::Archived => Content::Archived(Archive::open(file, &path, found.first)?),
            Form::Raw => {
                let mut image = RawImage::new(&*file, &path)?;
                let header = Header::decode(image.get(0, PAGE_BYTES)?, found.first)
                    .map_err(|fault| fault.in_file(path.clone()))?;
                let index = Index::build(&mut image, &header.start)?;
                Content::Raw { file, index: RwLock::new(index) }
            }
        };
        Ok((Self { first: found.first, path, content }, form))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the offsets of records that were appended, and the new end, to the index.
    pub(crate) fn extend(&self, places: impl Iterator<Item = (u64, u64)>, end: u64) {
        match &self.content {
            Content::Raw { index, .. } => {
                let mut index = index.write();
                places.for_each(|(position, offset)| index.note(position, offset));
                index.set_end(end);
            }
            Content::Archived(_) => unreachable!("nothing is appended to an archive"),
        }
    }

    /// Reads the piece that holds a position into `bytes`, at least `want` bytes if there are so
    /// many, and returns a cursor at its start.
    pub(crate) fn piece(
        &self,
        position: u64,
        want: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<Cursor, ReadError> {
        let missing = || self.corrupt(Fault { offset: 0, position, damage: Damage::Missing });
        match &self.content {
            Content::Raw { file, index } => {
                let piece = index.read().piece(position, want);
                let (from, to) = piece.ok_or_else(missing)?;
                bytes.resize(as_index(to - from), 0);
                file.read_exact_at(bytes, from)
                    .map_err(|source| ReadError::Io { file: self.path.clone(), source })?;
                Ok(Cursor::new(from))
            }
            Content::Archived(archive) => {
                let frame = archive.frame_of(position).ok_or_else(missing)?;
                archive.load(frame, &self.path, bytes)?;
                Ok(Cursor::new(archive.frames()[frame].raw))
            }
        }
    }

    pub(crate) fn corrupt(&self, fault: Fault) -> ReadError {
        ReadError::Corrupt(fault.in_file(self.path.clone()))
    }
}

/// All segments of a journal.
pub(crate) struct Catalog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// In the order of their positions; the last is the active one.
    entries: RwLock<Vec<Entry>>,
    active: RwLock<Arc<Opened>>,
    /// Closed segments, the most recently used last.
    open: Mutex<VecDeque<Arc<Opened>>>,
}

impl Catalog {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        entries: Vec<Entry>,
        active: Arc<Opened>,
    ) -> Self {
        Self {
            disk,
            dir: dir.into(),
            entries: RwLock::new(entries),
            active: RwLock::new(active),
            open: Mutex::default(),
        }
    }

    /// Closes the active segment and continues with another. If the active one is still empty,
    /// because the next group did not fit into it, the other replaces it.
    pub(crate) fn roll(&self, entry: Entry, active: Arc<Opened>) {
        let mut entries = self.entries.write();
        let replaces = entries.last().is_some_and(|last| last.first == entry.first);
        if replaces {
            entries.pop();
        }
        entries.push(entry);
        drop(entries);
        let closed = std::mem::replace(&mut *self.active.write(), active);
        if !replaces {
            self.keep_open(&closed);
        }
    }

    /// The next closed segment that is not archived, with the one after it.
    pub(crate) fn next_to_archive(&self, after: u64) -> Option<(Entry, Entry)> {
        let entries = self.entries.read();
        let mut pairs = entries.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.find(|(entry, _)| entry.first > after && entry.form == Form::Raw)
    }

    /// Notes that a segment is archived, and that it takes so many bytes now.
    pub(crate) fn archived(&self, first: u64, bytes: u64) {
        let mut entries = self.entries.write();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.first == first) {
            entry.form = Form::Archived;
            entry.bytes = bytes;
        }
        drop(entries);
        // A removed file keeps its space on the disk for as long as it is open.
        self.open.lock().retain(|opened| opened.first != first);
    }

    /// The numbers of segments, of archived segments, and of their bytes on the disk.
    pub(crate) fn totals(&self) -> (u64, u64, u64) {
        let entries = self.entries.read();
        let archived = entries.iter().filter(|entry| entry.form == Form::Archived).count();
        (entries.len() as u64, archived as u64, entries.iter().map(|entry| entry.bytes).sum())
    }

    /// The segment that a position belongs to.
    pub(crate) fn segment_of(&self, position: u64) -> Result<Arc<Opened>, ReadError> {
        let active = Arc::clone(&*self.active.read());
        if position >= active.first {
            return Ok(active);
        }
        let found = {
            let entries = self.entries.read();
            let at = entries.partition_point(|entry| entry.first <= position);
            at.checked_sub(1).map(|at| Found { first: entries[at].first, form: entries[at].form })
        };
        let found = found.ok_or_else(|| {
            let fault = Fault { offset: 0, position, damage: Damage::Missing };
            ReadError::Corrupt(fault.in_file(path_of(&self.dir, position, Form::Raw)))
        })?;
        if let Some(opened) = self.already_open(found.first) {
            return Ok(opened);
        }
        let (opened, form) = Opened::open(&*self.disk, &self.dir, found)?;
        let opened = Arc::new(opened);
        let entries = self.entries.read();
        if entries.iter().any(|entry| entry.first == found.first && entry.form == form) {
            self.keep_open(&opened);
        }
        Ok(opened)
    }

    /// Reads one record, which must be there.
    pub(crate) fn read(&self, position: u64) -> Result<Record, ReadError> {
        let segment = self.segment_of(position)?;
        let mut bytes = Vec::new();
        let mut cursor = segment.piece(position, 0, &mut bytes)?;
        match cursor.find(&bytes, position) {
            Ok(Some(view)) => Ok(view.to_record()),
            Ok(None) => {
                Err(segment.corrupt(Fault { offset: 0, position, damage: Damage::Missing }))
            }
            Err(fault) => Err(segment.corrupt(fault)),
        }
    }

    fn already_open(&self, first: u64) -> Option<Arc<Opened>> {
        let mut open = self.open.lock();
        let at = open.iter().position(|opened| opened.first == first)?;
        let opened = open.remove(at)?;
        open.push_back(Arc::clone(&opened));
        Some(opened)
    }

    fn keep_open(&self, opened: &Arc<Opened>) {
        let mut open = self.open.lock();
        if open.iter().all(|other| other.first != opened.first) {
            open.push_back(Arc::clone(opened));
        }
        if open.len() > OPEN_SEGMENTS {
            open.pop_front();
        }
    }
}
