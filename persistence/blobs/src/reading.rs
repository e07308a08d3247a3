//! Reading content, piece by piece.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::error::BlobError;
use crate::tasks::blocking;

/// Bytes that are read from a file at once.
const PIECE_BYTES: u64 = 256 << 10;

/// Content, or a part of it, as a stream: memory does not grow with its size.
pub struct BlobRead {
    /// The size of the whole content, in bytes.
    pub size: u64,
    /// The part of the content, in bytes, that the pieces make up.
    pub range: Range<u64>,
    /// The bytes of that part, in order. The stream ends early only with an error.
    pub pieces: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl BlobRead {
    /// A range of a file of this size, within it.
    pub(crate) fn from_file(file: File, size: u64, range: Range<u64>) -> Self {
        Self { size, range: range.clone(), pieces: pieces_of(file, range) }
    }

    /// Reads everything into memory. Only for content that is known to be small.
    ///
    /// # Errors
    /// The disk or the object store failed.
    pub async fn bytes(mut self) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

impl fmt::Debug for BlobRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobRead")
            .field("size", &self.size)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

fn pieces_of(file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes, BlobError>> {
    let pieces = stream::try_unfold((file, range), |(mut file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        blocking(move || {
            let wanted = PIECE_BYTES.min(range.end - range.start);
            let mut piece = vec![0; usize::try_from(wanted).map_err(std::io::Error::other)?];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut piece)?;
            Ok(Some((piece.into(), (file, range.start + wanted..range.end))))
        })
        .await
    });
    pieces.boxed()
}
