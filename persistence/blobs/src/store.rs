//! The store: its objects, its locks, and how much is under way.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use tokio::sync::Semaphore;

use crate::content_hash::ContentHash;
use crate::decoding::Decoding;
use crate::error::BlobError;
use crate::lock::{ContentLock, Locks};
use crate::objects::Objects;
use crate::reading::BlobRead;
use crate::s3::S3Options;
use crate::shelf::Shelf;
use crate::staging::Staging;
use crate::tasks::{blocking, detached};
use crate::upload::Upload;

/// Uploads under way at a time at most. Each takes a quarter of a MiB and an open file.
pub(crate) const UPLOADS_AT_ONCE: usize = 64;

/// A store of content by its hash. Clones share it.
#[derive(Clone, Debug)]
pub struct BlobStore {
    pub(crate) objects: Arc<Objects>,
    pub(crate) staging: Arc<Staging>,
    pub(crate) locks: Arc<Locks>,
    uploads: Arc<Semaphore>,
    pub(crate) decoding: Arc<Decoding>,
    /// The folder of this machine: of the objects, or of what is on its way to a bucket.
    pub(crate) folder: Arc<Path>,
}

impl BlobStore {
    /// Opens a store in a folder, which is made if it is missing. Unfinished uploads of an earlier
    /// process are removed, so no other process may use the folder.
    ///
    /// # Errors
    /// The folder can't be made or used.
    pub fn local(folder: &Path) -> Result<Self, BlobError> {
        std::fs::create_dir_all(folder)?;
        Self::over(Objects::in_folder(folder)?, folder)
    }

    /// Opens a store in a bucket. Uploads are staged in `folder`, which is made if it is missing,
    /// and which no other process may use. The bucket is not contacted yet.
    ///
    /// # Errors
    /// The options are incomplete, or the folder can't be made or used. In a build without the
    /// feature `s3`, always.
    pub fn s3(options: &S3Options, folder: &Path) -> Result<Self, BlobError> {
        Self::over(options.open()?, folder)
    }

    pub(crate) fn over(objects: Objects, folder: &Path) -> Result<Self, BlobError> {
        let (staging, removed) = Staging::open(folder)?;
        if removed > 0 {
            tracing::info!(removed, "removed uploads that were not complete");
        }
        Ok(Self {
            objects: Arc::new(objects),
            staging: Arc::new(staging),
            locks: Arc::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS_AT_ONCE)),
            decoding: Arc::default(),
            folder: folder.into(),
        })
    }

    /// Begins an upload of at most `max_bytes` bytes.
    ///
    /// # Errors
    /// [`BlobError::Busy`] while the most uploads that there may be are under way; or the disk
    /// failed.
    pub async fn begin(&self, max_bytes: u64) -> Result<Upload, BlobError> {
        let slots = Arc::clone(&self.uploads);
        let slot = slots.try_acquire_owned().map_err(|_| BlobError::Busy)?;
        let staging = Arc::clone(&self.staging);
        let file = blocking(move || staging.create()).await?;
        Ok(Upload::new(Arc::clone(&self.objects), file, max_bytes, slot))
    }

    /// Waits for the lock of some content, which is needed to keep it and refer to it, or to erase
    /// it.
    pub async fn lock(&self, hash: ContentHash) -> ContentLock {
        self.locks.lock(hash).await
    }

    /// Opens content, or the part of it in `range`, whose end may lie past the content's.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::OutOfRange`] if no byte is in the range; or the disk
    /// or the object store failed.
    pub async fn read(
        &self,
        hash: ContentHash,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobError> {
        let Some(range) = range else { return self.objects.get(Shelf::Blobs, hash, None).await };
        let size = self.size_of(hash).await?;
        let range = range.start..range.end.min(size);
        if range.is_empty() {
            return Err(BlobError::OutOfRange { size });
        }
        self.objects.get(Shelf::Blobs, hash, Some(range)).await
    }

    /// The size of content in bytes.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; or the disk or the object store failed.
    pub async fn size_of(&self, hash: ContentHash) -> Result<u64, BlobError> {
        self.objects.size(Shelf::Blobs, hash).await?.ok_or(BlobError::NotFound(hash))
    }

    /// Erases the content whose lock this is, and its preview; no error if there is none. It is
    /// gone for good when this returns. Readers that have opened it may finish.
    ///
    /// Continues if its caller is cancelled, and holds the lock until it is done.
    ///
    /// # Errors
    /// The disk or the object store failed; then the content may be there or not.
    pub async fn erase(&self, lock: &ContentLock) -> Result<(), BlobError> {
        let (objects, lock) = (Arc::clone(&self.objects), lock.clone());
        detached(async move {
            // The preview goes first: once the content is absent, everything is gone.
            objects.remove(Shelf::Previews, lock.hash()).await?;
            objects.remove(Shelf::Blobs, lock.hash()).await
        })
        .await
    }

    /// Lists the hashes of all content, in no particular order.
    pub fn list(&self) -> BoxStream<'static, Result<ContentHash, BlobError>> {
        self.objects.list(Shelf::Blobs)
    }
}
