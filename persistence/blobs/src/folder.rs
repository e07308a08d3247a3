//! Objects as plain files in a folder. Whatever a call has done is durable when it returns.
//!
//! A file is written and synced in the staging folder, and then renamed: under its key it is there
//! as a whole or not at all. A name, and a deletion, is durable once its folder is synced.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parking_lot::Mutex;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::ownership::{Installation, MARKER};
use crate::reading::BlobRead;
use crate::shelf::{Shelf, hash_of, key};
use crate::staging::StagedFile;
use crate::tasks::blocking;

/// The objects in a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// The folders below it that are known to be durable; 2,048 at most.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Folder {
    /// Opens the objects in a folder, which must exist.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        for shelf in [Shelf::Blobs, Shelf::Previews] {
            fs::create_dir_all(root.join(shelf.folder()))?;
        }
        // The folders below the shelves are made durable as they come into use.
        File::open(root)?.sync_all()?;
        sync_folder_of(&root.canonicalize()?)?;
        Ok(Self { root: root.into(), durable: Mutex::default() })
    }

    pub(crate) async fn place(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        staged: StagedFile,
        file: File,
    ) -> Result<(), BlobError> {
        let to = self.path(shelf, hash);
        self.make_folder_durable(&to).await?;
        blocking(move || {
            file.sync_all()?;
            fs::rename(staged.path(), &to)?;
            sync_folder_of(&to)?;
            sync_folder_of(staged.path())
        })
        .await
    }

    pub(crate) async fn confirm(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        let path = self.path(shelf, hash);
        self.make_folder_durable(&path).await?;
        blocking(move || {
            File::open(&path)?.sync_all()?;
            sync_folder_of(&path)
        })
        .await
    }

    pub(crate) async fn size(
        &self,
        shelf: Shelf,
        hash: ContentHash,
    ) -> Result<Option<u64>, BlobError> {
        let path = self.path(shelf, hash);
        let metadata = blocking(move || unless_missing(fs::metadata(path))).await?;
        Ok(metadata.map(|metadata| metadata.len()))
    }

    pub(crate) async fn get(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobError> {
        let path = self.path(shelf, hash);
        let opened = blocking(move || {
            let Some(file) = unless_missing(File::open(path))? else { return Ok(None) };
            let size = file.metadata()?.len();
            Ok(Some((file, size)))
        });
        let (file, size) = opened.await?.ok_or(BlobError::NotFound(hash))?;
        Ok(BlobRead::from_file(file, size, range.unwrap_or(0..size)))
    }

    pub(crate) async fn remove(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        let path = self.path(shelf, hash);
        blocking(move || {
            unless_missing(fs::remove_file(&path))?;
            // A deleted name that was not synced is back after a power cut. Synced also if nothing
            // was there: whoever removed it may not have synced.
            unless_missing(sync_folder_of(&path)).map(drop)
        })
        .await
    }

    pub(crate) fn list(&self, shelf: Shelf) -> BoxStream<'static, Result<ContentHash, BlobError>> {
        let folder = self.root.join(shelf.folder());
        let shards = stream::once(blocking(move || entries(&folder)))
            .map_ok(|shards| stream::iter(shards.into_iter().map(Ok)))
            .try_flatten();
        let listed = shards.and_then(move |shard| blocking(move || hashes_in(shelf, &shard)));
        listed.map_ok(|hashes| stream::iter(hashes.into_iter().map(Ok))).try_flatten().boxed()
    }

    pub(crate) async fn marker(&self) -> Result<Option<Vec<u8>>, BlobError> {
        let path = self.root.join(MARKER);
        blocking(move || unless_missing(fs::read(path))).await
    }

    pub(crate) async fn put_marker(&self, text: String) -> Result<(), BlobError> {
        let root = self.root.clone();
        blocking(move || write_marker(&root, &text)).await
    }

    fn path(&self, shelf: Shelf, hash: ContentHash) -> PathBuf {
        self.root.join(key(shelf, hash))
    }

    /// Makes the folder of an object, and makes the folder's name durable. A folder that exists may
    /// not be durable: another upload has only just made it, or a process that was killed before it
    /// synced.
    async fn make_folder_durable(&self, object: &Path) -> Result<(), BlobError> {
        let Some(folder) = object.parent().map(Path::to_owned) else { return Ok(()) };
        if self.durable.lock().contains(&folder) {
            return Ok(());
        }
        let made = blocking(move || {
            fs::create_dir_all(&folder)?;
            sync_folder_of(&folder)?;
            Ok(folder)
        })
        .await?;
        self.durable.lock().insert(made);
        Ok(())
    }
}

/// Marks the objects in a folder as an installation's own, before any store opens it.
///
/// # Errors
/// The folder can't be written.
pub fn mark_folder(root: &Path, owner: &Installation) -> io::Result<()> {
    write_marker(root, &owner.to_string())
}

fn write_marker(root: &Path, text: &str) -> io::Result<()> {
    let (unfinished, marker) = (root.join("installation.unfinished"), root.join(MARKER));
    fs::write(&unfinished, format!("{text}\n"))?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, &marker)?;
    sync_folder_of(&marker)
}

/// Lists the hashes of the objects in one folder of a shelf. Other files are left alone.
fn hashes_in(shelf: Shelf, shard: &Path) -> io::Result<Vec<ContentHash>> {
    let name_of = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let shard_name = name_of(shard).unwrap_or_default();
    if !shard.is_dir() {
        tracing::warn!(object = %shard.display(), "an object that is not ours");
        return Ok(Vec::new());
    }
    let names = entries(shard)?.into_iter().filter_map(|path| name_of(&path));
    let hash =
        |name: String| hash_of(shelf, &name, &format!("{}/{shard_name}/{name}", shelf.folder()));
    Ok(names.filter_map(hash).collect())
}

/// Lists the paths in a folder; none if it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(entries) = unless_missing(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Turns the error that a file or folder does not exist into `None`.
fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
