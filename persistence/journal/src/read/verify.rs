//! Verifying a whole journal: every checksum, every hash, every position.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use priv_domain::Position;

use crate::archive::Archive;
use crate::archive::image::ArchivedImage;
use crate::damage::{Corruption, Damage, Fault};
use crate::disk::{Disk, DiskFile};
use crate::error::ReadError;
use crate::format::chain::ChainHash;
use crate::format::group::PAGE_BYTES;
use crate::format::image::{Image, RawImage};
use crate::format::segment::{self, Form, Found, Header, Listing, path_of};
use crate::read::check::{Link, Tail, Walk, WholeGroup, check_rest, judge_tail, walk};

/// Threads that check segments at most: more of them would only wait for the disk.
const MAX_THREADS: usize = 4;
/// Attempts to read what a writer may be in the middle of changing.
const LOOKS: u32 = 8;

/// The report on a journal that was found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Number of segments, archived ones included.
    pub segments: u64,
    /// Number of archived segments.
    pub archived_segments: u64,
    /// Number of groups in all segments.
    pub groups: u64,
    /// Number of records in all segments.
    pub records: u64,
    /// Number of records whose personal part was erased.
    pub erased: u64,
    /// Bytes that the segments take on the disk.
    pub bytes_on_disk: u64,
    /// The last record's position; zero if there is none.
    pub last: Position,
    /// The chain's hash after the last record.
    pub head: ChainHash,
    /// An unfinished group at the end. It is not damage: the next start cuts it off.
    pub torn: Option<TornTail>,
}

/// A group that a power cut tore, or that is being written right now. It was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file of the last segment.
    pub file: PathBuf,
    /// Offset at which the group begins.
    pub offset: u64,
    /// Bytes from there up to the last one that is not zero.
    pub bytes: u64,
    /// Number of its records, if that can still be read.
    pub records: Option<u32>,
}

/// Why a journal could not be found whole.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The folder has no journal.
    #[error("there is no journal in {dir}", dir = .0.display())]
    Nothing(PathBuf),
    /// The disk could not read a file.
    #[error("cannot read {path}", path = path.display())]
    Io {
        /// The file or folder that was read.
        path: PathBuf,
        /// The disk's own error.
        source: io::Error,
    },
    /// The journal is damaged.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
}

impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { file, source } => Self::Io { path: file, source },
            ReadError::Corrupt(corruption) => Self::Corrupt(corruption),
        }
    }
}

/// Checks the whole journal in a folder, and changes nothing. A writer and an archiver may be at
/// work meanwhile.
///
/// # Errors
/// The first damage, by position, with its file, offset and position.
pub fn verify(disk: &dyn Disk, dir: &Path) -> Result<VerifyReport, VerifyError> {
    let (closed, last) = list(disk, dir)?;
    let checked = check_closed(disk, dir, &closed, Depth::Full)?;
    let active = look_at_last(&last)?;
    check_follows(dir, after_closed(&checked, &active.header), &active.header, &active.path)?;

    let sum = |of: fn(&Checked) -> u64| checked.iter().map(of).sum::<u64>();
    Ok(VerifyReport {
        segments: closed.len() as u64 + 1,
        archived_segments: sum(|segment| u64::from(segment.form == Form::Archived)),
        groups: sum(|segment| segment.groups) + active.walk.groups,
        records: sum(|segment| segment.records) + active.walk.records,
        erased: sum(|segment| segment.erased) + active.walk.erased,
        bytes_on_disk: sum(|segment| segment.bytes) + active.bytes,
        last: Position::new(active.walk.link.next - 1),
        head: active.walk.link.hash,
        torn: active.torn(),
    })
}

/// Lists a folder and opens its last segment at once: while the others are checked it may be
/// closed, archived and removed, but an open file can still be read.
fn list(disk: &dyn Disk, dir: &Path) -> Result<(Vec<Found>, LastFile), VerifyError> {
    let mut looks = 1;
    loop {
        let listing = Listing::of_live(disk, dir)
            .map_err(|source| VerifyError::Io { path: dir.into(), source })?;
        let Some((last, closed)) = listing.segments.split_last() else {
            return Err(VerifyError::Nothing(dir.into()));
        };
        match LastFile::open(disk, dir, *last) {
            Err(ReadError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && looks < LOOKS =>
            {
                looks += 1;
            }
            opened => return Ok((closed.to_vec(), opened?)),
        }
    }
}

/// Checks the last segment of a folder, which a writer may be filling: apparent damage may be a
/// group that was still being written when it was read. Then another attempt finds it whole.
fn look_at_last(last: &LastFile) -> Result<LastSegment, ReadError> {
    let mut looks = 1;
    loop {
        match LastSegment::check(last, &mut |_| Ok(())) {
            Err(ReadError::Corrupt(_)) if looks < LOOKS => looks += 1,
            seen => return seen,
        }
    }
}

/// How much of a closed segment to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Every byte of the segment.
    Full,
    /// Headers and footers only.
    Ends,
}

/// A closed segment that was checked.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) header: Header,
    pub(crate) form: Form,
    /// The position and hash that follow it; `None` if it was not read that far.
    pub(crate) end: Option<Link>,
    pub(crate) bytes: u64,
    groups: u64,
    records: u64,
    erased: u64,
}

/// Checks closed segments, several at once: each is checked from the hash in its own header, which
/// is then compared with the end of the segment before it.
pub(crate) fn check_closed(
    disk: &dyn Disk,
    dir: &Path,
    closed: &[Found],
    depth: Depth,
) -> Result<Vec<Checked>, ReadError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(MAX_THREADS).min(closed.len());
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<Checked, ReadError>)>> = Mutex::default();
    let work = || {
        while let Some(found) = closed.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = Checked::of(disk, dir, *found, depth);
            let at = closed.partition_point(|other| other.first < found.first);
            results.lock().push((at, result));
        }
    };
    std::thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let mut results = results.into_inner();
    results.sort_unstable_by_key(|(at, _)| *at);

    let mut checked: Vec<Checked> = Vec::with_capacity(closed.len());
    for (_, result) in results {
        let segment = result?;
        let path = path_of(dir, segment.header.first, segment.form);
        let after = match checked.last() {
            Some(before) => before.end,
            None => Some(beginning(&segment.header)),
        };
        check_follows(dir, after, &segment.header, &path)?;
        checked.push(segment);
    }
    Ok(checked)
}

impl Checked {
    /// Checks one closed segment by itself.
    pub(crate) fn of(
        disk: &dyn Disk,
        dir: &Path,
        found: Found,
        depth: Depth,
    ) -> Result<Self, ReadError> {
        let (path, form, file) = segment::open(disk, dir, found)?;
        match form {
            Form::Raw => Self::of_raw(&*file, &path, found.first, depth),
            Form::Archived => {
                let bytes = file.size().map_err(|source| io_error(&path, source))?;
                let archive = Archive::open(file, &path, found.first)?;
                Self::of_archive(&archive, &path, bytes, depth)
            }
        }
    }

    fn of_raw(
        file: &dyn DiskFile,
        path: &Path,
        first: u64,
        depth: Depth,
    ) -> Result<Self, ReadError> {
        let mut image = RawImage::new(file, path)?;
        let header = read_header(&mut image, path, first)?;
        let bytes = image.size();
        match depth {
            Depth::Ends => Ok(Self::unwalked(header, Form::Raw, bytes, None)),
            Depth::Full => {
                let walk = walk(&mut image, header.start, first, &mut |_| Ok(()))?;
                match check_rest(&mut image, &walk, &header.start)? {
                    None => Ok(Self::walked(header, Form::Raw, bytes, &walk)),
                    Some(fault) => Err(ReadError::Corrupt(fault.in_file(path.into()))),
                }
            }
        }
    }

    pub(crate) fn of_archive(
        archive: &Archive,
        path: &Path,
        bytes: u64,
        depth: Depth,
    ) -> Result<Self, ReadError> {
        let summary = archive.summary();
        let header = Header { first: summary.first, start: summary.start };
        let end = Link { next: summary.last + 1, hash: summary.hash };
        if depth == Depth::Ends {
            return Ok(Self::unwalked(header, Form::Archived, bytes, Some(end)));
        }
        let mut image = ArchivedImage::new(archive, path);
        let inside = read_header(&mut image, path, summary.first)?;
        let walk = walk(&mut image, summary.start, summary.first, &mut |_| Ok(()))?;
        let fault = walk.stopped.or_else(|| {
            let agrees = inside == header && walk.link == end && walk.end == summary.end;
            let (offset, position) = (walk.end, walk.link.next);
            (!agrees).then_some(Fault { offset, position, damage: Damage::ArchiveIndex })
        });
        match fault {
            None => Ok(Self::walked(header, Form::Archived, bytes, &walk)),
            Some(fault) => Err(ReadError::Corrupt(fault.in_file(path.into()))),
        }
    }

    fn walked(header: Header, form: Form, bytes: u64, walk: &Walk) -> Self {
        let Walk { link, groups, records, erased, .. } = *walk;
        Self { header, form, end: Some(link), bytes, groups, records, erased }
    }

    fn unwalked(header: Header, form: Form, bytes: u64, end: Option<Link>) -> Self {
        Self { header, form, end, bytes, groups: 0, records: 0, erased: 0 }
    }
}

/// The open file of the last segment.
pub(crate) struct LastFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    first: u64,
}

impl LastFile {
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, last: Found) -> Result<Self, ReadError> {
        if last.form == Form::Archived {
            // Only closed segments are archived, and a segment is closed by beginning the next.
            let summary = Checked::of(disk, dir, last, Depth::Ends)?;
            let position = summary.end.map_or(last.first, |end| end.next);
            let fault = Fault { offset: 0, position, damage: Damage::Missing };
            return Err(ReadError::Corrupt(fault.in_file(path_of(dir, position, Form::Raw))));
        }
        let path = path_of(dir, last.first, Form::Raw);
        let file = disk.open(&path).map_err(|source| io_error(&path, source))?;
        Ok(Self { path, file, first: last.first })
    }
}

/// The last segment, checked.
pub(crate) struct LastSegment {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) header: Header,
    pub(crate) bytes: u64,
    pub(crate) walk: Walk,
    pub(crate) tail: Tail,
}

impl LastSegment {
    /// Checks the last segment up to its last whole group, and judges what follows.
    pub(crate) fn check(
        last: &LastFile,
        each: &mut dyn FnMut(&WholeGroup<'_>) -> Result<(), ReadError>,
    ) -> Result<Self, ReadError> {
        let LastFile { path, file, first } = last;
        let mut image = RawImage::new(&**file, path)?;
        let header = read_header(&mut image, path, *first)?;
        let walk = walk(&mut image, header.start, *first, each)?;
        let tail = judge_tail(&mut image, &walk, &header.start)?
            .map_err(|fault| ReadError::Corrupt(fault.in_file(path.clone())))?;
        let bytes = image.size();
        Ok(Self { path: path.clone(), file: Arc::clone(file), header, bytes, walk, tail })
    }

    pub(crate) fn torn(&self) -> Option<TornTail> {
        match self.tail {
            Tail::Clean => None,
            Tail::Torn { bytes, records } => {
                Some(TornTail { file: self.path.clone(), offset: self.walk.end, bytes, records })
            }
        }
    }
}

/// The link that the first segment must follow.
const fn beginning(header: &Header) -> Link {
    Link { next: 1, hash: header.start }
}

/// Checks that a segment continues where the one before it ends.
pub(crate) fn check_follows(
    dir: &Path,
    after: Option<Link>,
    header: &Header,
    path: &Path,
) -> Result<(), ReadError> {
    let Some(after) = after else { return Ok(()) };
    let (file, damage) = if header.first > after.next {
        (path_of(dir, after.next, Form::Raw), Damage::Missing)
    } else if header.first < after.next {
        (path.into(), Damage::Order)
    } else if header.start != after.hash {
        (path.into(), Damage::Unchained)
    } else {
        return Ok(());
    };
    let fault = Fault { offset: 0, position: after.next, damage };
    Err(ReadError::Corrupt(fault.in_file(file)))
}

/// The link that the last segment must follow: the end of the closed ones, or the beginning.
pub(crate) fn after_closed(closed: &[Checked], last: &Header) -> Option<Link> {
    match closed.last() {
        Some(before) => before.end,
        None => Some(beginning(last)),
    }
}

pub(crate) fn read_header(
    image: &mut dyn Image,
    path: &Path,
    first: u64,
) -> Result<Header, ReadError> {
    Header::decode(image.get(0, PAGE_BYTES)?, first)
        .map_err(|fault| ReadError::Corrupt(fault.in_file(path.into())))
}

fn io_error(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io { file: path.into(), source }
}
