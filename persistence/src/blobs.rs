//! Contributed content, stored once under its own hash.
//!
//! A [`BlobStore`] lies in a folder or, by configuration, in S3. Content comes in as an
//! [`Upload`], which becomes [`Staged`]: hashed, and known for [what it is](Content) by its own
//! bytes. It is kept under the [lock of its hash](ContentLock), and goes out as a [`BlobRead`];
//! [`BlobStore::preview`] shows a part of it. No name that a client chose goes near a path.
//!
//! The order that keeps the journal and the blobs together, all of it under the content's lock and
//! where a client that hangs up does not cancel it:
//!
//! 1. [`Staged::keep`], and only then the entry that refers to the hash. If that is refused:
//! 2. look whether anyone refers to it, and if not [`BlobStore::erase`].
//!
//! A crash in between leaves content that nobody refers to, which [`BlobStore::remove_orphans`]
//! removes at the next start. `docs/blobs.md` has the reasons.
//!
//! What is left out: who may bring or see what, and limits by the kind of contribution.

mod content_hash;
mod error;
mod lock;
mod media;
mod objects;
mod preview;
mod reading;
mod s3;
mod staging;
#[cfg(test)]
mod tests;
mod upload;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{BoxStream, TryStreamExt};
use object_store::{GetOptions, GetRange};
use tokio::sync::Semaphore;

pub use content_hash::ContentHash;
pub use error::BlobError;
pub use lock::ContentLock;
pub use media::{Content, MediaType};
pub use preview::Preview;
pub use reading::BlobRead;
pub use s3::S3Options;
pub use upload::{Kept, Staged, Upload};

use lock::Locks;
use objects::{Objects, Shelf};
use preview::Previews;
use staging::Staging;

/// Uploads under way at a time. Each takes a quarter of a MiB and an open file.
const UPLOADS_AT_ONCE: usize = 64;

/// Content by its hash. Clones are the same store.
#[derive(Clone, Debug)]
pub struct BlobStore {
    objects: Arc<Objects>,
    staging: Arc<Staging>,
    locks: Arc<Locks>,
    uploads: Arc<Semaphore>,
    previews: Arc<Previews>,
}

impl BlobStore {
    /// Opens a store in a folder, which is made where it is missing. What uploads of an earlier
    /// process left is removed: nobody else may use the folder.
    ///
    /// # Errors
    /// The folder can't be made or used.
    pub fn local(folder: &Path) -> Result<Self, BlobError> {
        std::fs::create_dir_all(folder)?;
        Self::over(Objects::in_folder(folder)?, folder)
    }

    /// Opens a store in a bucket. Uploads are staged in `folder`, which is made where it is
    /// missing, and which nobody else may use. The bucket itself is not asked yet.
    ///
    /// # Errors
    /// The options are not whole, or the folder can't be made or used.
    pub fn s3(options: &S3Options, folder: &Path) -> Result<Self, BlobError> {
        Self::over(Objects::remote(options.open()?), folder)
    }

    fn over(objects: Objects, staging: &Path) -> Result<Self, BlobError> {
        let (staging, removed) = Staging::open(staging)?;
        if removed > 0 {
            tracing::info!(removed, "removed uploads that were not complete");
        }
        Ok(Self {
            objects: Arc::new(objects),
            staging: Arc::new(staging),
            locks: Arc::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS_AT_ONCE)),
            previews: Arc::default(),
        })
    }

    /// Begins an upload of at most so many bytes.
    ///
    /// # Errors
    /// [`BlobError::Busy`] while as many as may be are under way; the disk failed.
    pub async fn begin(&self, max_bytes: u64) -> Result<Upload, BlobError> {
        let slots = Arc::clone(&self.uploads);
        let slot = slots.try_acquire_owned().map_err(|_| BlobError::Busy)?;
        let staging = Arc::clone(&self.staging);
        let file = blocking(move || staging.create()).await?;
        Ok(Upload::new(Arc::clone(&self.objects), file, max_bytes, slot))
    }

    /// Waits for a content's lock: to keep it and refer to it, or to erase it.
    pub async fn lock(&self, hash: ContentHash) -> ContentLock {
        self.locks.lock(hash).await
    }

    /// Opens content, or the part of it that lies in `range`, whose end may be past its own.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::OutOfRange`] where no byte is in the range; the disk
    /// or the object store failed.
    pub async fn read(
        &self,
        hash: ContentHash,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobError> {
        let mut options = GetOptions::default();
        if let Some(range) = range {
            let size = self.size_of(hash).await?;
            let range = range.start..range.end.min(size);
            if range.is_empty() {
                return Err(BlobError::OutOfRange { size });
            }
            options.range = Some(GetRange::Bounded(range));
        }
        Ok(BlobRead::new(self.objects.get(Shelf::Blobs, hash, options).await?))
    }

    /// The size of content in bytes.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; the disk or the object store failed.
    pub async fn size_of(&self, hash: ContentHash) -> Result<u64, BlobError> {
        self.objects.size(Shelf::Blobs, hash).await?.ok_or(BlobError::NotFound(hash))
    }

    /// Erases the content whose lock this is, and what was made of it; no error if there is none.
    /// It is gone for good when this returns. Who is reading it may read on.
    ///
    /// Goes on where its caller is cancelled, and holds the lock until it is done.
    ///
    /// # Errors
    /// The disk or the object store failed; then it may be there or not.
    pub async fn erase(&self, lock: &ContentLock) -> Result<(), BlobError> {
        let (objects, lock) = (Arc::clone(&self.objects), lock.clone());
        detached(async move {
            // First what was made of it: the content's absence then says that all is gone.
            objects.remove(Shelf::Previews, lock.hash()).await?;
            objects.remove(Shelf::Blobs, lock.hash()).await
        })
        .await
    }

    /// The hashes of all that is stored, in no order.
    pub fn list(&self) -> BoxStream<'static, Result<ContentHash, BlobError>> {
        self.objects.list(Shelf::Blobs)
    }

    /// Erases what nobody refers to, and says how many contents that were. For the start, once
    /// the journal's entries can be asked; in doubt `is_referenced` says yes.
    ///
    /// # Errors
    /// The disk or the object store failed. What was erased until then was an orphan.
    pub async fn remove_orphans<F: Future<Output = bool>>(
        &self,
        is_referenced: impl Fn(ContentHash) -> F,
    ) -> Result<u64, BlobError> {
        let mut removed = 0;
        let mut stored = self.list();
        while let Some(hash) = stored.try_next().await? {
            let lock = self.lock(hash).await;
            if !is_referenced(hash).await {
                self.erase(&lock).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Runs what waits for a disk, or computes for long, on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
    Ok(done?)
}

/// Runs something to its end, also where whoever waits for it is cancelled.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, BlobError>> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::spawn(work).await.map_err(io::Error::other)?
}
