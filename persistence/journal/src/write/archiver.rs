//! The archiver compresses closed segments, in the background and at low priority.
//!
//! An archive is written under a temporary name, synced, read back and checked in full, and
//! renamed; only then is the original removed. Wherever that is interrupted, a whole copy is left
//! under a name that the next start understands.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::archive::{Archive, ArchiveWriter, FRAME_BYTES, Summary};
use crate::damage::{Damage, Fault};
use crate::disk::DiskFile;
use crate::error::ReadError;
use crate::format::group::PAGE_BYTES;
use crate::format::image::{Image, RawImage};
use crate::format::segment::{Form, path_of, unfinished_path_of};
use crate::read::catalog::Entry;
use crate::read::check::{Link, check_rest, walk};
use crate::read::verify::{Checked, Depth};
use crate::write::shared::Shared;

/// The pause after the disk failed. Nothing is lost meanwhile: the segment is still there as it was
/// written.
const PAUSE: Duration = Duration::from_secs(30);
/// The lowest priority that Linux has; there, a priority belongs to a thread.
const NICE: i32 = 19;

/// Archives closed segments until the journal stops.
pub(crate) fn run(shared: &Shared) {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "the archiver runs at normal priority");
    }
    let mut done = 0;
    loop {
        let mut pause = None;
        while let Some((entry, next)) = shared.catalog.next_to_archive(done) {
            if shared.bell.is_stopped() {
                return;
            }
            match archive(shared, &entry, &Link { next: next.first, hash: next.start }) {
                Ok(bytes) => {
                    shared.catalog.archived(entry.first, bytes);
                    if let Err(error) = remove_original(shared, &entry) {
                        tracing::warn!(%error, first = entry.first, "cannot remove a segment that is archived");
                    }
                }
                Err(error) if shared.bell.is_stopped() => {
                    tracing::debug!(%error, first = entry.first, "stopped while archiving");
                    return;
                }
                Err(ReadError::Corrupt(corruption)) => {
                    tracing::error!(%corruption, "a segment that was to be archived is damaged");
                    done = entry.first;
                }
                Err(ReadError::Io { file, source }) => {
                    tracing::warn!(file = %file.display(), error = %source, "cannot archive now");
                    pause = Some(PAUSE);
                    break;
                }
            }
        }
        if !shared.bell.wait(pause) {
            return;
        }
    }
}

/// Makes the archive of a segment, which has its final name when this returns. Returns its size in
/// bytes.
fn archive(shared: &Shared, entry: &Entry, end: &Link) -> Result<u64, ReadError> {
    let temporary = unfinished_path_of(&shared.dir, entry.first);
    let io = |source| ReadError::Io { file: temporary.clone(), source };
    let file = shared.disk.create(&temporary, 0).map_err(io)?;
    let made = compress(shared, entry, end, &*file).and_then(|bytes| {
        file.sync_data().map_err(io)?;
        let archive = Archive::open(file, &temporary, entry.first)?;
        Checked::of_archive(&archive, &temporary, bytes, Depth::Full)?;
        let path = path_of(&shared.dir, entry.first, Form::Archived);
        shared.disk.rename(&temporary, &path).map_err(io)?;
        Ok(bytes)
    });
    if made.is_err() {
        // The first error is the one to report; a leftover is removed at the next start.
        drop(shared.disk.remove(&temporary));
    }
    made
}

fn compress(
    shared: &Shared,
    entry: &Entry,
    end: &Link,
    to: &dyn DiskFile,
) -> Result<u64, ReadError> {
    let path = path_of(&shared.dir, entry.first, Form::Raw);
    let io = |source| ReadError::Io { file: path.clone(), source };
    let file = shared.disk.open(&path).map_err(io)?;
    let mut image = RawImage::new(&*file, &path)?;
    let mut piece = image.get(0, PAGE_BYTES)?[..PAGE_BYTES].to_vec();
    let mut piece_first = entry.first;
    let mut writer = ArchiveWriter::new(to).map_err(io)?;
    let walked = walk(&mut image, entry.start, entry.first, &mut |group| {
        if shared.bell.is_stopped() {
            return Err(io(io::ErrorKind::Interrupted.into()));
        }
        if piece.len() >= FRAME_BYTES {
            writer.frame(piece_first, &piece).map_err(io)?;
            piece.clear();
            piece_first = group.first;
        }
        piece.extend_from_slice(group.bytes);
        Ok(())
    })?;
    let fault = check_rest(&mut image, &walked, &entry.start)?.or_else(|| {
        let (offset, position) = (walked.end, walked.link.next);
        (walked.link != *end).then_some(Fault { offset, position, damage: Damage::Unchained })
    });
    if let Some(fault) = fault {
        return Err(ReadError::Corrupt(fault.in_file(path)));
    }
    writer.frame(piece_first, &piece).map_err(io)?;
    let summary = Summary {
        first: entry.first,
        last: end.next - 1,
        end: walked.end,
        start: entry.start,
        hash: end.hash,
    };
    writer.finish(&summary).map_err(io)
}

fn remove_original(shared: &Shared, entry: &Entry) -> io::Result<()> {
    let path: &Path = &path_of(&shared.dir, entry.first, Form::Raw);
    shared.disk.remove(path)?;
    shared.disk.sync_dir(&shared.dir)
}
