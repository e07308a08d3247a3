//! Objects by hash, in a folder of this machine or in an object store elsewhere.
//!
//! Both are reached through `object_store`. For a folder it does not make everything durable:
//! deletions and new folders are synced here.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt, WriteMultipart};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::error::is_not_found;
use crate::staging::{self, StagedFile};
use crate::tasks::blocking;

/// Bytes of one part of a multipart upload. S3 takes no parts under 5 MiB, and 10,000 of them at
/// most.
const PART_BYTES: u64 = 8 << 20;
/// Parts of one content in memory at a time: one is read while the others are on their way.
const PARTS_AT_ONCE: usize = 3;
/// Contents on their way to an object store at a time. With their parts, this is all the memory
/// that uploads to it take.
const TRANSFERS_AT_ONCE: usize = 2;

/// The kind of an object that is stored under a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// The content itself.
    Blobs,
    /// The preview of the content.
    Previews,
}

/// The objects of a store, by hash.
#[derive(Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A folder of this machine, and the folders below it that are known to be durable.
    Folder { root: PathBuf, lasting: Mutex<HashSet<PathBuf>> },
    /// An object store elsewhere.
    Remote { transfers: Semaphore },
}

impl Objects {
    /// Opens the objects in a folder, which must exist.
    pub(crate) fn in_folder(root: &Path) -> Result<Self, BlobError> {
        for shelf in [Shelf::Blobs, Shelf::Previews] {
            std::fs::create_dir_all(root.join(shelf.folder()))?;
        }
        // The folders below the shelves are made durable as they come into use.
        File::open(root)?.sync_all()?;
        sync_folder_of(&root.canonicalize()?)?;
        // With `fsync`, renames sync both folders before they return.
        let store = LocalFileSystem::new_with_prefix(root)?.with_fsync(true);
        let place = Place::Folder { root: root.into(), lasting: Mutex::default() };
        Ok(Self { store: Arc::new(store), place })
    }

    /// The objects in an object store, which keeps what it has confirmed.
    pub(crate) fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, place: Place::Remote { transfers: Semaphore::new(TRANSFERS_AT_ONCE) } }
    }

    /// Whether a staged file becomes the object itself, and so must be written durably.
    pub(crate) fn takes_the_file(&self) -> bool {
        matches!(self.place, Place::Folder { .. })
    }

    /// Puts a staged file in place, replacing an object that is there. It is durable when this
    /// returns.
    pub(crate) async fn place(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        staged: StagedFile,
        file: File,
        size: u64,
    ) -> Result<(), BlobError> {
        let to = key(shelf, hash);
        match &self.place {
            Place::Folder { root, lasting } => {
                blocking(move || file.sync_all()).await?;
                make_lasting(root, lasting, to.as_ref()).await?;
                let from = Key::from_iter([staging::FOLDER, staged.name()]);
                self.store.rename(&from, &to).await?;
            }
            Place::Remote { transfers } => {
                let _one = transfers.acquire().await.expect("it is never closed");
                self.send(&to, file, size).await?;
            }
        }
        Ok(())
    }

    /// Makes an existing object durable, whoever put it there.
    pub(crate) async fn confirm(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        let Place::Folder { root, lasting } = &self.place else { return Ok(()) };
        let key = key(shelf, hash);
        make_lasting(root, lasting, key.as_ref()).await?;
        let path = root.join(key.as_ref());
        blocking(move || {
            File::open(&path)?.sync_all()?;
            sync_folder_of(&path)
        })
        .await
    }

    /// The size of an object in bytes; `None` if there is no such object.
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

    /// Opens an object, or a part of it.
    pub(crate) async fn get(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        options: GetOptions,
    ) -> Result<GetResult, BlobError> {
        let got = self.store.get_opts(&key(shelf, hash), options).await;
        got.map_err(|error| BlobError::from_store(error, hash))
    }

    /// Removes an object; no error if there is none. It is gone for good when this returns.
    pub(crate) async fn remove(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        let key = key(shelf, hash);
        match self.store.delete(&key).await {
            Err(error) if is_not_found(&error) => {}
            removed => removed?,
        }
        // `with_fsync` does not cover deletions, and a deleted name that was not synced is back
        // after a power cut. Synced also if nothing was there: whoever removed it may not have
        // synced.
        let Place::Folder { root, .. } = &self.place else { return Ok(()) };
        let path = root.join(key.as_ref());
        blocking(move || match sync_folder_of(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        })
        .await
    }

    /// Lists the hashes of all objects of a shelf. Objects with other names are left alone.
    pub(crate) fn list(&self, shelf: Shelf) -> BoxStream<'static, Result<ContentHash, BlobError>> {
        let listed = self.store.list(Some(&Key::from(shelf.folder())));
        let hashes = listed.err_into().try_filter_map(move |meta| async move {
            let hash = meta.location.filename().and_then(ContentHash::from_cid);
            match hash {
                Some(hash) if key(shelf, hash) == meta.location => Ok(Some(hash)),
                Some(_) | None => {
                    tracing::warn!(object = %meta.location, "an object that is not ours");
                    Ok(None)
                }
            }
        });
        hashes.boxed()
    }

    /// Sends a file: a small one at once, a larger one in parts, so that memory does not grow with
    /// it.
    async fn send(&self, to: &Key, file: File, size: u64) -> Result<(), BlobError> {
        let (mut file, first) = blocking(move || {
            let mut file = file;
            file.seek(SeekFrom::Start(0))?;
            read_part(file, size)
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
                    // The first error is the one to report; parts that stay are the bucket's
                    // rule for unfinished uploads to remove (docs/blobs.md).
                    drop(parts.abort().await);
                    return Err(error);
                }
            }
        }
        parts.finish().await?;
        Ok(())
    }
}

impl Shelf {
    const fn folder(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Previews => "previews",
        }
    }
}

/// The key of an object, like `blobs/6n/bafkrei…6n5`. The 1,024 folders are named by the two
/// characters before the last, as in go-ipfs, because CIDs begin alike and the last character has
/// only three bits of the hash.
fn key(shelf: Shelf, hash: ContentHash) -> Key {
    let cid = hash.cid();
    let shard = &cid[cid.len() - 3..cid.len() - 1];
    Key::from_iter([shelf.folder(), shard, &cid])
}

/// Makes the folder of a key, and makes the folder's name durable.
///
/// `object_store` syncs only folders that it makes itself. It takes a folder for granted that
/// another upload has only just made, or that a process made which was killed before it synced.
async fn make_lasting(
    root: &Path,
    lasting: &Mutex<HashSet<PathBuf>>,
    key: &str,
) -> Result<(), BlobError> {
    let Some(folder) = Path::new(key).parent().map(|folder| root.join(folder)) else {
        return Ok(());
    };
    if lasting.lock().contains(&folder) {
        return Ok(());
    }
    let made = blocking(move || {
        std::fs::create_dir_all(&folder)?;
        sync_folder_of(&folder)?;
        Ok(folder)
    })
    .await?;
    lasting.lock().insert(made);
    Ok(())
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads the next part of a file that has `left` bytes left; empty at its end.
fn read_part(mut file: File, left: u64) -> io::Result<(File, Bytes)> {
    let wanted = left.min(PART_BYTES);
    let mut part = Vec::with_capacity(usize::try_from(wanted).map_err(io::Error::other)?);
    (&mut file).take(wanted).read_to_end(&mut part)?;
    Ok((file, part.into()))
}
