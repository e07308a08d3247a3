//! Running work that waits for a disk, or that must not be cancelled half-way.

use std::io;

use crate::error::BlobError;

/// Runs work that waits for a disk, or computes for long, on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
    Ok(done?)
}

/// Runs work to its end even if its caller is cancelled.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, BlobError>> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::spawn(work).await.map_err(io::Error::other)?
}
