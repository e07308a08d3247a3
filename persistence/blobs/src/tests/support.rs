//! Places where blobs are stored, and helpers to use them in tests.

#[cfg(feature = "s3")]
mod remote;

use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use tempfile::TempDir;

use crate::{BlobError, BlobStore, ContentHash, Kept, Staged};

/// Opens a store that stages its uploads in a folder.
type Open = Box<dyn Fn(&Path) -> Result<BlobStore, BlobError>>;

/// A place where blobs are stored.
pub(super) struct Rig {
    pub(super) name: &'static str,
    open: Open,
    folder: TempDir,
}

impl Rig {
    pub(super) fn all() -> Vec<Self> {
        let all = vec![Self::local()];
        #[cfg(feature = "s3")]
        let all = all.into_iter().chain(remote::rigs()).collect();
        all
    }

    pub(super) fn local() -> Self {
        Self::new("folder", BlobStore::local)
    }

    fn new(
        name: &'static str,
        open: impl Fn(&Path) -> Result<BlobStore, BlobError> + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        Self { name, open: Box::new(open), folder }
    }

    /// Opens the store; a second time as another process would.
    pub(super) fn open(&self) -> BlobStore {
        let opened = (self.open)(self.folder.path());
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// All files below the folder, staged ones and others.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("it is a folder") {
                let path = entry.expect("it is listed").path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }

    pub(super) fn staged(&self) -> Vec<PathBuf> {
        let staging = self.folder.path().join("staging");
        self.files().into_iter().filter(|path| path.starts_with(&staging)).collect()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Bytes that repeat only after a long while.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

pub(super) async fn stage(store: &BlobStore, bytes: &[u8]) -> Staged {
    let mut upload = store.begin(u64::MAX).await.expect("there is a slot");
    for piece in bytes.chunks(50_000) {
        upload.write(piece).await.expect("the disk takes it");
    }
    upload.finish().await.expect("it is whole")
}

pub(super) async fn keep(store: &BlobStore, bytes: &[u8]) -> (ContentHash, Kept) {
    let staged = stage(store, bytes).await;
    let hash = staged.hash();
    let lock = store.lock(hash).await;
    (hash, staged.keep(&lock).await.expect("it is kept"))
}

pub(super) async fn erase(store: &BlobStore, hash: ContentHash) {
    let lock = store.lock(hash).await;
    store.erase(&lock).await.expect("it is erased");
}

/// Notes orphans and erases them a long time later.
pub(super) async fn erase_orphans<F: Future<Output = bool>>(
    store: &BlobStore,
    is_referenced: impl Fn(ContentHash) -> F,
) {
    for now_secs in [0, 1 << 30] {
        let looked = store.collect_orphans(now_secs, &is_referenced).await;
        looked.expect("it can be listed");
    }
}

pub(super) async fn content(store: &BlobStore, hash: ContentHash) -> Vec<u8> {
    let read = store.read(hash, None).await.expect("it is there");
    read.bytes().await.expect("it can be read")
}

pub(super) async fn listed(store: &BlobStore) -> Vec<ContentHash> {
    let mut hashes: Vec<_> = store.list().try_collect().await.expect("it can be listed");
    hashes.sort_unstable();
    hashes
}

#[track_caller]
pub(super) fn assert_missing<T: std::fmt::Debug>(result: Result<T, BlobError>, hash: ContentHash) {
    assert!(matches!(&result, Err(BlobError::NotFound(of)) if *of == hash), "{result:?}");
}
