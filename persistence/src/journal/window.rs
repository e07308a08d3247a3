//! Reading a segment from front to back, in whichever form it is stored.

use std::path::{Path, PathBuf};

use priv_domain::Position;

use super::archive::Archive;
use super::damage::Damage;
use super::{Corruption, ReadError};
use crate::disk::DiskFile;

const WINDOW_BYTES: usize = 1 << 20;

/// Access to the bytes of a segment as it was written, by offset.
pub(super) trait Image {
    /// The bytes from `offset` on: `want` of them or more; fewer only at the end.
    fn get(&mut self, offset: u64, want: usize) -> Result<&[u8], ReadError>;
}

/// The image of a segment that is stored as it was written.
pub(super) struct RawImage<'f> {
    file: &'f dyn DiskFile,
    path: &'f Path,
    size: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'f> RawImage<'f> {
    pub(super) fn new(file: &'f dyn DiskFile, path: &'f Path) -> Result<Self, ReadError> {
        let size = file.size().map_err(|source| ReadError::Io { file: path.into(), source })?;
        Ok(Self { file, path, size, start: 0, buffer: Vec::new() })
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }
}

impl Image for RawImage<'_> {
    fn get(&mut self, offset: u64, want: usize) -> Result<&[u8], ReadError> {
        let want = want.min(as_index(self.size.saturating_sub(offset)));
        let held =
            offset >= self.start && offset + want as u64 <= self.start + self.buffer.len() as u64;
        if !held {
            let length = want.max(WINDOW_BYTES).min(as_index(self.size.saturating_sub(offset)));
            self.buffer.resize(length, 0);
            self.start = offset;
            self.file.read_exact_at(&mut self.buffer, offset).map_err(|source| {
                // Whatever the buffer holds now must not be handed out later.
                self.size = 0;
                ReadError::Io { file: self.path.into(), source }
            })?;
        }
        Ok(&self.buffer[as_index(offset - self.start)..])
    }
}

/// The image of an archived segment, decompressed a frame at a time.
pub(super) struct ArchivedImage<'f> {
    archive: &'f Archive,
    path: PathBuf,
    frame: Option<usize>,
    bytes: Vec<u8>,
}

impl<'f> ArchivedImage<'f> {
    pub(super) fn new(archive: &'f Archive, path: &Path) -> Self {
        Self { archive, path: path.into(), frame: None, bytes: Vec::new() }
    }
}

impl Image for ArchivedImage<'_> {
    fn get(&mut self, offset: u64, want: usize) -> Result<&[u8], ReadError> {
        let Some(frame) = self.archive.frame_at(offset) else { return Ok(&[]) };
        if self.frame != Some(frame) {
            self.frame = None;
            self.archive.load(frame, &self.path, &mut self.bytes)?;
            self.frame = Some(frame);
        }
        let start = self.archive.frames()[frame].raw;
        let bytes = &self.bytes[as_index(offset - start)..];
        if bytes.len() < want && frame + 1 < self.archive.frames().len() {
            // Groups never cross frames, so the caller has read damaged lengths.
            return Err(ReadError::Corrupt(Corruption {
                file: self.path.clone(),
                offset,
                position: Position::new(self.archive.frames()[frame].first),
                damage: Damage::ArchiveFrame,
            }));
        }
        Ok(bytes)
    }
}

pub(super) fn as_index(bytes: u64) -> usize {
    usize::try_from(bytes).expect("64-bit machines only")
}
