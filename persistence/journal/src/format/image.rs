//! Reading a segment from front to back, in whichever form it is stored; here as it was written.

use std::path::Path;

use crate::disk::DiskFile;
use crate::error::ReadError;
use crate::format::bytes::as_index;

const WINDOW_BYTES: usize = 1 << 20;

/// Access to the bytes of a segment as it was written, by offset.
pub(crate) trait Image {
    /// The bytes from `offset` on: `want` of them or more; fewer only at the end.
    fn get(&mut self, offset: u64, want: usize) -> Result<&[u8], ReadError>;
}

/// The image of a segment that is stored as it was written.
pub(crate) struct RawImage<'f> {
    file: &'f dyn DiskFile,
    path: &'f Path,
    size: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'f> RawImage<'f> {
    pub(crate) fn new(file: &'f dyn DiskFile, path: &'f Path) -> Result<Self, ReadError> {
        let size = file.size().map_err(|source| ReadError::Io { file: path.into(), source })?;
        Ok(Self { file, path, size, start: 0, buffer: Vec::new() })
    }

    pub(crate) const fn size(&self) -> u64 {
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
