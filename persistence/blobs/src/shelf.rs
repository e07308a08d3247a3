//! The names of objects: a shelf for each kind, and on it a key by hash.

use crate::content_hash::ContentHash;

/// The kind of an object that is stored under a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// The content itself.
    Blobs,
    /// The preview of the content.
    Previews,
}

impl Shelf {
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Previews => "previews",
        }
    }
}

/// The key of an object, like `blobs/6n/bafkrei…6n5`. The 1,024 folders are named by the two
/// characters before the last, as in go-ipfs, because CIDs begin alike and the last character has
/// only three bits of the hash.
pub(crate) fn key(shelf: Shelf, hash: ContentHash) -> String {
    let cid = hash.cid();
    let shard = &cid[cid.len() - 3..cid.len() - 1];
    format!("{}/{shard}/{cid}", shelf.folder())
}

/// The hash of the object that is called `name` and has the key `place`. An object that nobody of
/// ours has put there has none, and is named in the log.
pub(crate) fn hash_of(shelf: Shelf, name: &str, place: &str) -> Option<ContentHash> {
    let hash = ContentHash::from_cid(name).filter(|hash| key(shelf, *hash) == place);
    if hash.is_none() {
        tracing::warn!(object = place, "an object that is not ours");
    }
    hash
}
