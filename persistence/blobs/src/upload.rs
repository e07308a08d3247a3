//! Uploads: content is written to the staging folder while it is hashed and its type is found.
//!
//! Content for S3 is staged here first as well, because its name and its type are known only at its
//! end: a video's index may be its last bytes. So an object store never sees uploads that are
//! refused or broken off, and each content is sent once, to its final place.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::lock::ContentLock;
use crate::media::{self, Content, TextCheck};
use crate::objects::Objects;
use crate::shelf::Shelf;
use crate::staging::StagedFile;
use crate::tasks::{blocking, detached};

/// Bytes that are gathered before they are written. Multiplied by the number of uploads, this is
/// all the memory that they take.
const BUFFER_BYTES: usize = 256 << 10;
/// Bytes after which an upload is synced: so neither a journal on the same disk nor the end of an
/// upload ever waits behind half a gigabyte.
const SYNC_BYTES: u64 = 8 << 20;

/// An upload under way. It leaves nothing behind when it is dropped.
#[derive(Debug)]
pub struct Upload {
    objects: Arc<Objects>,
    /// `None` while it is writing; stays so if that failed or was cancelled.
    writer: Option<Writer>,
    staged: StagedFile,
    size: u64,
    max_bytes: u64,
    buffer: Vec<u8>,
    _slot: OwnedSemaphorePermit,
}

/// An upload that is complete and not yet kept. It leaves nothing behind when it is dropped.
#[derive(Debug)]
pub struct Staged {
    objects: Arc<Objects>,
    hash: ContentHash,
    size: u64,
    content: Content,
    file: File,
    staged: StagedFile,
    _slot: OwnedSemaphorePermit,
}

/// The outcome of keeping content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The content was stored.
    New,
    /// The same content was stored before.
    Already,
}

#[derive(Debug)]
struct Writer {
    file: File,
    hasher: Sha256,
    text: TextCheck,
    /// Bytes since the last sync; `None` if the file is not the content's final place.
    unsynced: Option<u64>,
}

impl Upload {
    pub(crate) fn new(
        objects: Arc<Objects>,
        (staged, file): (StagedFile, File),
        max_bytes: u64,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let unsynced = objects.takes_the_file().then_some(0);
        let writer = Writer { file, hasher: Sha256::new(), text: TextCheck::default(), unsynced };
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self { objects, writer: Some(writer), staged, size: 0, max_bytes, buffer, _slot: slot }
    }

    /// Appends bytes. After an error, or if this is cancelled, the upload is broken off.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] if they pass the limit; or the disk failed or is full.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        let size = self.size.saturating_add(bytes.len() as u64);
        if size > self.max_bytes {
            self.writer = None;
            return Err(BlobError::TooLarge { max_bytes: self.max_bytes });
        }
        self.size = size;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BUFFER_BYTES - self.buffer.len()));
            // Copied rather than held: a small piece may keep a large receive buffer alive.
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == BUFFER_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// The number of bytes written so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Completes the upload: computes its hash and finds its type.
    ///
    /// # Errors
    /// The disk failed or is full, or an earlier write had failed.
    pub async fn finish(mut self) -> Result<Staged, BlobError> {
        self.flush().await?;
        let writer = self.writer.take().ok_or(BlobError::BrokenOff)?;
        let size = self.size;
        let (file, hash, content) = blocking(move || writer.finish(size)).await?;
        let Self { objects, staged, _slot, .. } = self;
        Ok(Staged { objects, hash, size, content, file, staged, _slot })
    }

    /// Breaks the upload off, as dropping it does.
    pub fn abort(self) {}

    async fn flush(&mut self) -> Result<(), BlobError> {
        let mut writer = self.writer.take().ok_or(BlobError::BrokenOff)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = blocking(move || {
            writer.write(&buffer)?;
            buffer.clear();
            Ok((writer, buffer))
        });
        let (writer, buffer) = written.await?;
        self.writer = Some(writer);
        self.buffer = buffer;
        Ok(())
    }
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.text.add(bytes);
        if let Some(unsynced) = &mut self.unsynced {
            *unsynced += bytes.len() as u64;
            if *unsynced >= SYNC_BYTES {
                self.file.sync_data()?;
                *unsynced = 0;
            }
        }
        Ok(())
    }

    fn finish(mut self, size: u64) -> io::Result<(File, ContentHash, Content)> {
        let content = media::detect(&mut self.file, size, self.text.finish())?;
        Ok((self.file, ContentHash::new(self.hasher.finalize().into()), content))
    }
}

impl Staged {
    /// The SHA-256 of the content.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The size of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The type of the content, as found from its bytes.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Stores the content under its hash. It is durable when this returns. If this fails, or if
    /// nothing refers to the content in the end, the holder of the lock must erase it.
    ///
    /// Continues if its caller is cancelled, and holds the lock until it is done.
    ///
    /// # Errors
    /// The lock is that of other content; or the disk or the object store failed.
    pub async fn keep(self, lock: &ContentLock) -> Result<Kept, BlobError> {
        if lock.hash() != self.hash {
            return Err(BlobError::OtherLock);
        }
        let lock = lock.clone();
        detached(async move {
            let kept = self.put().await;
            drop(lock);
            kept
        })
        .await
    }

    /// Discards the content, as dropping it does.
    pub fn discard(self) {}

    async fn put(self) -> Result<Kept, BlobError> {
        let Self { objects, hash, size, file, staged, .. } = self;
        if objects.size(Shelf::Blobs, hash).await? == Some(size) {
            // The process that stored it may have been killed before it was synced.
            objects.confirm(Shelf::Blobs, hash).await?;
            return Ok(Kept::Already);
        }
        let placed = objects.place(Shelf::Blobs, hash, staged, file).await;
        if let Err(error) = placed {
            // The object may be there without being durable, and the next upload must not take it
            // for kept. The first error is the one to report.
            drop(objects.remove(Shelf::Blobs, hash).await);
            return Err(error);
        }
        Ok(Kept::New)
    }
}
