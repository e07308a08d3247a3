//! Online backup: copies everything that is whole, while the journal is written and archived.
//!
//! The content of closed segments never changes, only their form does; the active segment is copied
//! up to its last whole group. So the copy is the journal as it was at some position.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, DiskFile};
use crate::error::ReadError;
use crate::format::bytes::as_index;
use crate::format::group::PAGE_BYTES;
use crate::format::image::{Image, RawImage};
use crate::format::segment::{self, Form, Found, Header, Listing, path_of};
use crate::read::check::walk;
use crate::read::verify::{VerifyError, VerifyReport, verify};

const CHUNK_BYTES: u64 = 1 << 20;
/// How often the folder is listed again because a segment's file was replaced meanwhile.
const ATTEMPTS: u32 = 16;

/// The report of a copy that was made and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// The result of verifying the copy.
    pub copy: VerifyReport,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The folder for the copy is not empty.
    #[error("{dir} is not empty: a backup goes into a folder of its own", dir = .0.display())]
    NotEmpty(PathBuf),
    /// The disk could not read or write a file.
    #[error("cannot copy {path}", path = path.display())]
    Io {
        /// The file or folder that was read or written.
        path: PathBuf,
        /// The disk's own error.
        source: io::Error,
    },
    /// The journal, or the copy, is not whole.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl From<ReadError> for CopyError {
    fn from(error: ReadError) -> Self {
        Self::Verify(error.into())
    }
}

/// Copies the journal in `from` to `to`, a new or empty folder, and checks the copy in full.
///
/// # Errors
/// See [`CopyError`]; on any of them, `to` does not hold a backup.
pub fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<CopyReport, CopyError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyError::Io { path, source }
    };
    disk.create_dir(to).map_err(io(to))?;
    if !disk.list(to).map_err(io(to))?.is_empty() {
        return Err(CopyError::NotEmpty(to.into()));
    }
    let mut next = 0;
    let mut attempts = 0;
    loop {
        let listing = Listing::of_live(disk, from).map_err(io(from))?;
        match copy_listed(disk, (from, to), &listing.segments, &mut next) {
            Err(
                CopyError::Io { source, .. } | CopyError::Verify(VerifyError::Io { source, .. }),
            ) if source.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {
                attempts += 1;
            }
            copied => {
                copied?;
                break;
            }
        }
    }
    disk.sync_dir(to).map_err(io(to))?;
    Ok(CopyReport { copy: verify(disk, to)? })
}

/// Copies the segments from position `next` on, and advances `next`. The last of them is the active
/// one.
fn copy_listed(
    disk: &dyn Disk,
    (from, to): (&Path, &Path),
    segments: &[Found],
    next: &mut u64,
) -> Result<(), CopyError> {
    let last = segments.last().map(|found| found.first);
    let done = segments.partition_point(|found| found.first < *next);
    for found in &segments[done..] {
        if Some(found.first) == last && found.form == Form::Raw {
            copy_active(disk, (from, to), *found)?;
        } else {
            copy_closed(disk, (from, to), *found)?;
        }
        *next = found.first + 1;
    }
    Ok(())
}

fn copy_closed(disk: &dyn Disk, (from, to): (&Path, &Path), found: Found) -> Result<(), CopyError> {
    let (path, form, source) = segment::open(disk, from, found)?;
    let size = source.size().map_err(|source| CopyError::Io { path: path.clone(), source })?;
    let target = path_of(to, found.first, form);
    let make = || disk.create(&target, 0);
    copy_bytes(&*source, size, make).map_err(|source| CopyError::Io { path, source })
}

fn copy_active(disk: &dyn Disk, (from, to): (&Path, &Path), found: Found) -> Result<(), CopyError> {
    let path = path_of(from, found.first, Form::Raw);
    let io = |source| CopyError::Io { path: path.clone(), source };
    let source = disk.open(&path).map_err(io)?;
    let mut image = RawImage::new(&*source, &path)?;
    let header = Header::decode(image.get(0, PAGE_BYTES)?, found.first)
        .map_err(|fault| ReadError::Corrupt(fault.in_file(path.clone())))?;
    let whole = walk(&mut image, header.start, found.first, &mut |_| Ok(()))?;
    let target = path_of(to, found.first, Form::Raw);
    // Its zeros are copied too: the journal continues in it after a restore.
    let size = image.size();
    copy_bytes(&*source, whole.end, || disk.create(&target, size)).map_err(io)
}

fn copy_bytes(
    from: &dyn DiskFile,
    bytes: u64,
    make: impl FnOnce() -> io::Result<std::sync::Arc<dyn DiskFile>>,
) -> io::Result<()> {
    let to = make()?;
    let mut buffer = vec![0; as_index(CHUNK_BYTES.min(bytes))];
    let mut done = 0;
    while done < bytes {
        let chunk = &mut buffer[..as_index(CHUNK_BYTES.min(bytes - done))];
        from.read_exact_at(chunk, done)?;
        to.write_all_at(chunk, done)?;
        done += chunk.len() as u64;
    }
    to.sync_data()
}
