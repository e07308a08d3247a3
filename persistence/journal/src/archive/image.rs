//! An archived segment from front to back, as it was written.

use std::path::{Path, PathBuf};

use priv_domain::Position;

use crate::archive::Archive;
use crate::damage::{Corruption, Damage};
use crate::error::ReadError;
use crate::format::bytes::as_index;
use crate::format::image::Image;

/// The image of an archived segment, decompressed a frame at a time.
pub(crate) struct ArchivedImage<'f> {
    archive: &'f Archive,
    path: PathBuf,
    frame: Option<usize>,
    bytes: Vec<u8>,
}

impl<'f> ArchivedImage<'f> {
    pub(crate) fn new(archive: &'f Archive, path: &Path) -> Self {
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
