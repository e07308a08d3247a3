//! Objects in an object store elsewhere, which keeps what it has confirmed. Reached through
//! `object_store`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::sync::Semaphore;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::ownership::MARKER;
use crate::reading::BlobRead;
use crate::shelf::{self, Shelf};
use crate::tasks::blocking;

/// Bytes of one part of a multipart upload. S3 takes no parts under 5 MiB, and 10,000 of them at
/// most.
const PART_BYTES: u64 = 8 << 20;
/// Parts of one content in memory at a time: one is read while the others are on their way.
const PARTS_AT_ONCE: usize = 3;
/// Contents on their way to an object store at a time. With their parts, this is all the memory
/// that uploads to it take.
const TRANSFERS_AT_ONCE: usize = 2;

/// The objects in an object store.
#[derive(Debug)]
pub(crate) struct Remote {
    store: Arc<dyn ObjectStore>,
    transfers: Semaphore,
}

impl Remote {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, transfers: Semaphore::new(TRANSFERS_AT_ONCE) }
    }

    pub(crate) async fn place(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        file: File,
    ) -> Result<(), BlobError> {
        let _one = self.transfers.acquire().await.expect("it is never closed");
        self.send(&key(shelf, hash), file).await
    }

    pub(crate) async fn size(
        &self,
        shelf: Shelf,
        hash: ContentHash,
    ) -> Result<Option<u64>, BlobError> {
        match self.store.head(&key(shelf, hash)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn get(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobError> {
        let range = range.map(GetRange::Bounded);
        let options = GetOptions { range, ..GetOptions::default() };
        match self.store.get_opts(&key(shelf, hash), options).await {
            Ok(got) => Ok(BlobRead {
                size: got.meta.size,
                range: got.range.clone(),
                pieces: got.into_stream().err_into().boxed(),
            }),
            Err(error) if is_not_found(&error) => Err(BlobError::NotFound(hash)),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn remove(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        match self.store.delete(&key(shelf, hash)).await {
            Err(error) if !is_not_found(&error) => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(crate) async fn marker(&self) -> Result<Option<Vec<u8>>, BlobError> {
        match self.store.get(&Key::from(MARKER)).await {
            Ok(got) => Ok(Some(got.bytes().await?.into())),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn put_marker(&self, text: String) -> Result<(), BlobError> {
        self.store.put(&Key::from(MARKER), Bytes::from(text).into()).await?;
        Ok(())
    }

    pub(crate) fn list(&self, shelf: Shelf) -> BoxStream<'static, Result<ContentHash, BlobError>> {
        let listed = self.store.list(Some(&Key::from(shelf.folder())));
        let hashes = listed.err_into().try_filter_map(move |meta| async move {
            let name = meta.location.filename().unwrap_or_default();
            Ok(shelf::hash_of(shelf, name, meta.location.as_ref()))
        });
        hashes.boxed()
    }

    /// Sends a file: a small one at once, a larger one in parts, so that memory does not grow with
    /// it.
    async fn send(&self, to: &Key, file: File) -> Result<(), BlobError> {
        let (size, mut file, first) = blocking(move || {
            let mut file = file;
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(0))?;
            let (file, first) = read_part(file, size)?;
            Ok((size, file, first))
        })
        .await?;
        if size <= first.len() as u64 {
            self.store.put(to, first.into()).await?;
            return Ok(());
        }
        let upload = self.store.put_multipart(to).await?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, first.len());
        let (mut part, mut left) = (first, size);
        while !part.is_empty() {
            left = left.saturating_sub(part.len() as u64);
            parts.put(part);
            let waited = parts.wait_for_capacity(PARTS_AT_ONCE).await.map_err(BlobError::from);
            let next = match waited {
                Ok(()) => blocking(move || read_part(file, left)).await,
                Err(error) => Err(error),
            };
            match next {
                Ok(read) => (file, part) = read,
                Err(error) => {
                    // The first error is the one to report. Parts that stay are removed by the
                    // bucket's rule for unfinished uploads (docs/blobs.md).
                    drop(parts.abort().await);
                    return Err(error);
                }
            }
        }
        parts.finish().await?;
        Ok(())
    }
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error.into())
    }
}

fn key(shelf: Shelf, hash: ContentHash) -> Key {
    Key::from(shelf::key(shelf, hash))
}

fn is_not_found(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
}

/// Reads the next part of a file that has `left` bytes left; empty at its end.
fn read_part(mut file: File, left: u64) -> io::Result<(File, Bytes)> {
    let wanted = left.min(PART_BYTES);
    let mut part = Vec::with_capacity(usize::try_from(wanted).map_err(io::Error::other)?);
    (&mut file).take(wanted).read_to_end(&mut part)?;
    Ok((file, part.into()))
}
