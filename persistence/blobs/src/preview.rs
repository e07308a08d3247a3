//! Previews: the part of content that is shown before it is bought, never the whole.
//!
//! Photos are decoded, made smaller and encoded again, so that nothing a camera wrote beside the
//! picture comes along; texts are cut. HEIC and HEIF have no preview, because no decoder in pure
//! Rust is fit for strangers' files; video and sound have none yet.
//!
//! A photo's preview is made when it is first asked for, and then kept beside the content until
//! that is erased. It is made under the content's lock, so that none can appear after the erasure.

mod jpeg;
mod photo;
mod text;

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;

use crate::content_hash::ContentHash;
use crate::error::BlobError;
use crate::media::MediaType;
use crate::shelf::Shelf;
use crate::store::BlobStore;
use crate::tasks::{blocking, detached};
use photo::Format;

/// Bytes of the largest photo that has a preview; the API takes none larger.
const MAX_PHOTO_BYTES: u64 = 50_000_000;
/// A part of some content, which anyone may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The preview's MIME type: a JPEG, or text in UTF-8.
    pub content_type: &'static str,
    /// The preview's bytes; a few dozen KiB at most.
    pub bytes: Bytes,
}

impl BlobStore {
    /// The preview of content of this type. `None` if there can be none: for sound and video, for
    /// photos that can't be decoded in bounded memory, and for content too small to show a part of.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], if the content has to be read; [`BlobError::Busy`] while too many
    /// photos wait to be decoded; or the disk or the object store failed.
    pub async fn preview(
        &self,
        hash: ContentHash,
        media: MediaType,
    ) -> Result<Option<Preview>, BlobError> {
        let format = match media {
            MediaType::Jpeg => Format::Jpeg,
            MediaType::Png => Format::Png,
            MediaType::Webp => Format::WebP,
            MediaType::Text | MediaType::Json => return self.text_preview(hash).await,
            MediaType::Heic
            | MediaType::Heif
            | MediaType::Mp4
            | MediaType::Webm
            | MediaType::QuickTime
            | MediaType::Avi
            | MediaType::Mp3
            | MediaType::Wav
            | MediaType::WebmAudio
            | MediaType::Ogg
            | MediaType::Mp4Audio => return Ok(None),
        };
        if let Some(made) = self.made(hash).await? {
            return Ok(photo_preview(made));
        }
        let waiting = Arc::clone(&self.decoding.waiting);
        let place = waiting.try_acquire_owned().map_err(|_| BlobError::Busy)?;
        let lock = self.lock(hash).await;
        let store = self.clone();
        detached(async move {
            let preview = store.make(hash, format).await;
            drop((lock, place));
            preview
        })
        .await
    }

    async fn text_preview(&self, hash: ContentHash) -> Result<Option<Preview>, BlobError> {
        let size = self.size_of(hash).await?;
        if size == 0 {
            return Ok(None);
        }
        let begin = self.read(hash, Some(0..text::READ_BYTES)).await?.bytes().await?;
        let cut = text::cut(&begin, size);
        Ok(cut.map(|cut| Preview { content_type: "text/plain; charset=utf-8", bytes: cut.into() }))
    }

    /// The preview that was made before; empty if it was found that there can be none.
    async fn made(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, BlobError> {
        match self.objects.get(Shelf::Previews, hash, None).await {
            Ok(made) => Ok(Some(made.bytes().await?)),
            Err(BlobError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a preview and keeps it. That there can be none is kept too, so that a photo which
    /// takes a second to fail takes it once. The caller holds the content's lock.
    async fn make(&self, hash: ContentHash, format: Format) -> Result<Option<Preview>, BlobError> {
        if let Some(made) = self.made(hash).await? {
            return Ok(photo_preview(made));
        }
        let preview = if self.size_of(hash).await? <= MAX_PHOTO_BYTES {
            let decoding = Arc::clone(&self.decoding.running);
            let one = decoding.acquire_owned().await.expect("it is never closed");
            let photo = self.read(hash, None).await?.bytes().await?;
            let decoded = blocking(move || {
                let small = photo::small(photo, format);
                drop(one);
                Ok(small)
            });
            decoded.await.unwrap_or_else(|error| {
                tracing::warn!(%hash, %error, "a photo made the decoder panic");
                None
            })
        } else {
            None
        };
        let preview = preview.unwrap_or_default();
        let (staging, copy) = (Arc::clone(&self.staging), preview.clone());
        let (staged, file) = blocking(move || {
            let (staged, mut file) = staging.create()?;
            file.write_all(&copy)?;
            Ok((staged, file))
        })
        .await?;
        self.objects.place(Shelf::Previews, hash, staged, file).await?;
        Ok(photo_preview(preview))
    }
}

fn photo_preview(made: Vec<u8>) -> Option<Preview> {
    let content_type = MediaType::Jpeg.as_str();
    (!made.is_empty()).then(|| Preview { content_type, bytes: made.into() })
}
