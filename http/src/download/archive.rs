//! Streams several contents as one zip archive, made while it is sent: memory does not grow with
//! its size.
//!
//! Entries are stored, not compressed (photos, films and sound are already), with their sizes after
//! them and zip64 fields throughout, so that neither count nor size has a limit.

use actix_web::HttpResponse;
use actix_web::http::header;
use async_zip::base::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use futures_util::{StreamExt, TryStreamExt, stream};
use priv_blobs::{BlobStore, ContentHash};
use tokio_util::compat::TokioAsyncWriteCompatExt;
use tokio_util::io::ReaderStream;

/// The capacity of the pipe between the archive's writer and the response, in bytes.
const PIPE_BYTES: usize = 256 << 10;

/// A file in an archive.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) hash: ContentHash,
    pub(crate) size: u64,
}

/// Answers with an archive. If a content can't be read, the connection breaks off, so that the
/// receiver does not take half an archive for a whole one.
pub(crate) fn answer(blobs: &BlobStore, name: &str, entries: Vec<Entry>) -> HttpResponse {
    let (writer, reader) = tokio::io::duplex(PIPE_BYTES);
    let blobs = blobs.clone();
    let written = actix_rt::spawn(async move {
        let mut archive = ZipFileWriter::new(writer.compat_write());
        for entry in entries {
            add(&blobs, &mut archive, entry).await?;
        }
        archive.close().await.map(drop).map_err(std::io::Error::other)
    });
    // The end of the pipe is the end of the archive only if the writer says so.
    let end = stream::once(async move {
        match written.await {
            Ok(Ok(())) => Ok(actix_web::web::Bytes::new()),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(std::io::Error::other(error)),
        }
    });
    let body = ReaderStream::new(reader).chain(end);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/zip"))
        .insert_header(header::ContentEncoding::Identity)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "private, no-transform"))
        .streaming(body)
}

async fn add<W>(
    blobs: &BlobStore,
    archive: &mut ZipFileWriter<W>,
    Entry { name, hash, size }: Entry,
) -> std::io::Result<()>
where
    W: futures_util::io::AsyncWrite + Unpin,
{
    let entry = ZipEntryBuilder::new(name.into(), Compression::Stored);
    let mut file = archive.write_entry_stream(entry).await.map_err(std::io::Error::other)?;
    let mut pieces = blobs.read(hash, None).await.map_err(std::io::Error::other)?.pieces;
    let mut written = 0;
    while let Some(piece) = pieces.try_next().await.map_err(std::io::Error::other)? {
        written += piece.len() as u64;
        futures_util::AsyncWriteExt::write_all(&mut file, &piece).await?;
    }
    if written != size {
        return Err(std::io::Error::other("a content has not the size that it had"));
    }
    file.close().await.map_err(std::io::Error::other)
}
