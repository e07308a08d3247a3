//! Objects by hash: in a [folder](Folder) of this machine or, in a build with the feature `s3`, in
//! an object store elsewhere.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use futures_util::stream::BoxStream;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::folder::Folder;
use crate::reading::BlobRead;
#[cfg(feature = "s3")]
use crate::remote::Remote;
use crate::shelf::Shelf;
use crate::staging::StagedFile;

/// The objects of a store, by hash.
#[derive(Debug)]
pub(crate) enum Objects {
    /// Objects in a folder of this machine.
    Folder(Folder),
    /// Objects in an object store elsewhere.
    #[cfg(feature = "s3")]
    Remote(Remote),
}

impl Objects {
    /// Opens the objects in a folder, which must exist.
    pub(crate) fn in_folder(root: &Path) -> Result<Self, BlobError> {
        Ok(Self::Folder(Folder::open(root)?))
    }

    /// Whether a staged file becomes the object itself, and so must be written durably.
    pub(crate) fn takes_the_file(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            #[cfg(feature = "s3")]
            Self::Remote(_) => false,
        }
    }

    /// Puts a staged file in place, replacing an object that is there. It is durable when this
    /// returns.
    pub(crate) async fn place(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        staged: StagedFile,
        file: File,
    ) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.place(shelf, hash, staged, file).await,
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.place(shelf, hash, file).await,
        }
    }

    /// Makes an existing object durable, whoever put it there.
    pub(crate) async fn confirm(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.confirm(shelf, hash).await,
            #[cfg(feature = "s3")]
            Self::Remote(_) => Ok(()),
        }
    }

    /// The size of an object in bytes; `None` if there is no such object.
    pub(crate) async fn size(
        &self,
        shelf: Shelf,
        hash: ContentHash,
    ) -> Result<Option<u64>, BlobError> {
        match self {
            Self::Folder(folder) => folder.size(shelf, hash).await,
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.size(shelf, hash).await,
        }
    }

    /// Opens an object, or the part of it that lies in `range`.
    pub(crate) async fn get(
        &self,
        shelf: Shelf,
        hash: ContentHash,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobError> {
        match self {
            Self::Folder(folder) => folder.get(shelf, hash, range).await,
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.get(shelf, hash, range).await,
        }
    }

    /// Removes an object; no error if there is none. It is gone for good when this returns.
    pub(crate) async fn remove(&self, shelf: Shelf, hash: ContentHash) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.remove(shelf, hash).await,
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.remove(shelf, hash).await,
        }
    }

    /// The bytes of the store's marker; `None` if it has none.
    pub(crate) async fn marker(&self) -> Result<Option<Vec<u8>>, BlobError> {
        match self {
            Self::Folder(folder) => folder.marker().await,
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.marker().await,
        }
    }

    /// Gives the store a marker, replacing the one that is there. It is durable when this returns.
    pub(crate) async fn put_marker(&self, text: String) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.put_marker(text).await,
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.put_marker(text).await,
        }
    }

    /// Lists the hashes of all objects of a shelf. Objects with other names are left alone.
    pub(crate) fn list(&self, shelf: Shelf) -> BoxStream<'static, Result<ContentHash, BlobError>> {
        match self {
            Self::Folder(folder) => folder.list(shelf),
            #[cfg(feature = "s3")]
            Self::Remote(remote) => remote.list(shelf),
        }
    }
}
