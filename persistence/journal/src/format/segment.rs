//! Segments: their names, their headers, and listing those that a folder holds.
//!
//! ```text
//!  0  magic [8]      "PRIVJRNL"
//!  8  version u16    of the format: 1
//! 10  zero [2]
//! 12  page u32       4096
//! 16  first u64      position of the first record
//! 24  start [32]     the chain up to the segment's start
//! 56  crc32c u32     of the 56 bytes before it
//! 60  zeros up to the page; then groups; then zeros up to the end of the file
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::damage::{Damage, Fault};
use crate::disk::{Disk, DiskFile};
use crate::error::ReadError;
use crate::format::bytes::{u16_at, u32_at, u64_at};
use crate::format::chain::ChainHash;
use crate::format::group::PAGE_BYTES;

const MAGIC: &[u8; 8] = b"PRIVJRNL";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 60;
/// How often a folder is listed at most while its names change.
const LISTINGS: u32 = 16;

/// The fields of a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) first: u64,
    pub(crate) start: ChainHash,
}

impl Header {
    /// The header as a whole first page.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(PAGE_BYTES);
        page.extend_from_slice(MAGIC);
        page.extend_from_slice(&VERSION.to_le_bytes());
        page.extend_from_slice(&[0; 2]);
        let page_bytes = u32::try_from(PAGE_BYTES).expect("a page is small");
        page.extend_from_slice(&page_bytes.to_le_bytes());
        page.extend_from_slice(&self.first.to_le_bytes());
        page.extend_from_slice(self.start.as_bytes());
        page.extend_from_slice(&crc32c::crc32c(&page).to_le_bytes());
        page.resize(PAGE_BYTES, 0);
        page
    }

    /// Reads the first page of the segment that is named after `first`.
    pub(crate) fn decode(page: &[u8], first: u64) -> Result<Self, Fault> {
        let fault = |damage| Fault { offset: 0, position: first, damage };
        let header = Self::fields(page).ok_or_else(|| fault(Damage::SegmentHeader))?;
        match u16_at(page, 8) {
            Some(VERSION) => {}
            Some(version) => return Err(fault(Damage::Version(version))),
            None => return Err(fault(Damage::SegmentHeader)),
        }
        let zeros = page.get(HEADER_BYTES..PAGE_BYTES).is_some_and(is_zero);
        if header.first != first || !zeros || u32_at(page, 12) != u32::try_from(PAGE_BYTES).ok() {
            return Err(fault(Damage::SegmentHeader));
        }
        Ok(header)
    }

    fn fields(page: &[u8]) -> Option<Self> {
        let whole = page.get(..8)? == MAGIC && u32_at(page, 56)? == crc32c::crc32c(&page[..56]);
        whole.then_some(Self {
            first: u64_at(page, 16)?,
            start: ChainHash::new(page.get(24..56)?.try_into().ok()?),
        })
    }
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Compared in blocks, which compiles to wide compares; byte by byte is ten times slower.
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().all(|block| block == &[0; 64]) && rest.iter().all(|byte| *byte == 0)
}

/// The form in which a segment is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The bytes as they were written.
    Raw,
    /// Compressed frames with an index.
    Archived,
}

impl Form {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Raw => Self::Archived,
            Self::Archived => Self::Raw,
        }
    }
}

/// The path of a segment.
pub(crate) fn path_of(dir: &Path, first: u64, form: Form) -> PathBuf {
    dir.join(match form {
        Form::Raw => format!("{first:020}.seg"),
        Form::Archived => format!("{first:020}.seg.zst"),
    })
}

/// The path of an archive that is not complete yet.
pub(crate) fn unfinished_path_of(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.seg.zst.tmp"))
}

/// The path of a segment that is prepared, but has no position yet.
pub(crate) fn spare_path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("spare-{number}.tmp"))
}

/// A segment that a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) first: u64,
    pub(crate) form: Form,
}

/// The contents of a journal's folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The segments, in the order of their positions.
    pub(crate) segments: Vec<Found>,
    /// Spares, unfinished archives, and archives whose original is still there.
    pub(crate) leftovers: Vec<PathBuf>,
}

impl Listing {
    /// Lists a folder. Files with other names are ignored and left alone.
    pub(crate) fn of(disk: &dyn Disk, dir: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        for name in disk.list(dir)? {
            let parsed = match name.split_once('.') {
                Some((digits, "seg")) => digits.parse().ok().map(|first| (first, Form::Raw)),
                Some((digits, "seg.zst")) => {
                    digits.parse().ok().map(|first| (first, Form::Archived))
                }
                Some((_, "tmp" | "seg.zst.tmp")) => {
                    listing.leftovers.push(dir.join(name));
                    None
                }
                Some(_) | None => None,
            };
            if let Some((first, form)) = parsed {
                listing.add(dir, Found { first, form });
            }
        }
        listing.segments.sort_unstable_by_key(|found| found.first);
        Ok(listing)
    }

    /// Lists a folder in which a writer and an archiver may be at work. A listing that is taken
    /// while names change may show neither the old name nor the new one, so it counts only if a
    /// second one agrees, and if it ends with the segment that is being written.
    pub(crate) fn of_live(disk: &dyn Disk, dir: &Path) -> io::Result<Self> {
        let firsts = |listing: &Self| -> Vec<u64> {
            listing.segments.iter().map(|found| found.first).collect()
        };
        let mut listing = Self::of(disk, dir)?;
        for _ in 0..LISTINGS {
            let again = Self::of(disk, dir)?;
            let open_end = again.segments.last().is_some_and(|last| last.form == Form::Raw);
            if open_end && firsts(&listing) == firsts(&again) {
                return Ok(again);
            }
            listing = again;
        }
        Ok(listing)
    }

    /// Adds a segment. If both forms are there, an archiver was stopped before it had removed the
    /// original; the original is still whole, and the archive is made again.
    fn add(&mut self, dir: &Path, found: Found) {
        match self.segments.iter_mut().find(|other| other.first == found.first) {
            Some(other) => {
                other.form = Form::Raw;
                self.leftovers.push(path_of(dir, found.first, Form::Archived));
            }
            None => self.segments.push(found),
        }
    }
}

/// Opens a segment in whichever form it has: an archiver may be replacing one by the other right
/// now.
pub(crate) fn open(
    disk: &dyn Disk,
    dir: &Path,
    found: Found,
) -> Result<(PathBuf, Form, Arc<dyn DiskFile>), ReadError> {
    let mut form = found.form;
    let mut attempts = 0;
    loop {
        let path = path_of(dir, found.first, form);
        match disk.open(&path) {
            Ok(file) => return Ok((path, form, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < 4 => {
                form = form.other();
                attempts += 1;
            }
            Err(source) => return Err(ReadError::Io { file: path, source }),
        }
    }
}
