//! Whose a store is: the marker of an installation, which is checked before anything is erased.
//!
//! A journal is the authority over the content that it refers to, and over nothing else. A bucket
//! that another installation uses, or that belongs to a journal that isn't there today, looks like
//! a store full of orphans.

use std::fmt;

use futures_util::stream::TryStreamExt;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::store::BlobStore;

/// The name of the marker, beside the folders of the objects.
pub(crate) const MARKER: &str = "installation";

/// The id of an installation: 64 hexadecimal digits, made at random once for a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation(String);

impl Installation {
    /// Reads an id; `None` if the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim();
        let is_one = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self(digits.to_ascii_lowercase()))
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A store that an operator wants to be taken over, by the marker that it has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// One with the marker of this installation.
    Of(Installation),
    /// One with content, but without a marker.
    Unmarked,
}

/// How a store came to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It has our marker.
    Ours,
    /// It was empty, and has our marker now.
    New,
    /// It had content and has our marker now: nobody else may be using it, but that is not certain.
    Adopted,
}

/// Why a store can't be used. Nothing in it was touched.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It has the marker of another installation.
    #[error("the content there belongs to another installation, {0}; nothing was touched")]
    OfAnother(Installation),
    /// It has content and no marker, and none of the content is known here.
    #[error(
        "the content there has no owner's mark, and none of it is known here; nothing was touched"
    )]
    Unmarked,
    /// The marker is not one of ours.
    #[error("the object `{MARKER}` there is not an installation's mark; nothing was touched")]
    NotAMarker,
    /// The disk or the object store failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl BlobStore {
    /// Makes sure that the store is `me`'s before it is used. An empty store becomes ours. One with
    /// content and without a marker, as older releases left it, becomes ours if at least one of its
    /// contents `is_known` here for certain. Any other is refused unless `adopt` names it.
    ///
    /// # Errors
    /// See [`ClaimError`].
    pub async fn claim<F: Future<Output = bool>>(
        &self,
        me: &Installation,
        adopt: Option<&Adopt>,
        is_known: impl Fn(ContentHash) -> F,
    ) -> Result<Claim, ClaimError> {
        let claim = match self.owner().await? {
            Some(owner) if owner == *me => return Ok(Claim::Ours),
            Some(owner) => match adopt {
                Some(Adopt::Of(named)) if *named == owner => Claim::Adopted,
                Some(Adopt::Of(_) | Adopt::Unmarked) | None => {
                    return Err(ClaimError::OfAnother(owner));
                }
            },
            None if self.list().try_next().await?.is_none() => Claim::New,
            None if adopt == Some(&Adopt::Unmarked) || self.holds_any(is_known).await? => {
                Claim::Adopted
            }
            None => return Err(ClaimError::Unmarked),
        };
        self.objects.put_marker(me.to_string()).await?;
        // Another installation may have claimed it at the same moment: the later one has it.
        match self.owner().await? {
            Some(owner) if owner == *me => Ok(claim),
            Some(owner) => Err(ClaimError::OfAnother(owner)),
            None => Err(ClaimError::NotAMarker),
        }
    }

    async fn owner(&self) -> Result<Option<Installation>, ClaimError> {
        let Some(text) = self.objects.marker().await? else { return Ok(None) };
        let owner = std::str::from_utf8(&text).ok().and_then(Installation::parse);
        owner.map(Some).ok_or(ClaimError::NotAMarker)
    }

    async fn holds_any<F: Future<Output = bool>>(
        &self,
        is_known: impl Fn(ContentHash) -> F,
    ) -> Result<bool, BlobError> {
        let mut stored = self.list();
        while let Some(hash) = stored.try_next().await? {
            if is_known(hash).await {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
