//! What the journal needs of a disk, and three of them: the real one, one in memory, and one that
//! loses power.
//!
//! The traits say which calls are durable, because that is all a journal is about. What is left
//! out: buffering, caching, retrying. An error is handed up as it is, once.

mod faulty;
mod memory;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use faulty::{Fault, FaultyDisk, Kept};
pub use memory::MemoryDisk;
pub use real::RealDisk;

/// Folders and the names in them.
pub trait Disk: Send + Sync + 'static {
    /// Makes the folder and those above it; no error if it is there. Durable when it returns.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes a file of `bytes` zeros, which must not exist yet. The file, its length, its zeros
    /// and its name are durable when it returns; if it fails nothing is left behind, as far as
    /// the disk allows.
    ///
    /// # Errors
    /// `AlreadyExists`, `StorageFull`, or whatever the disk says.
    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file to read and write; only to read where the disk does not allow more.
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// The names of the files in a folder, sorted.
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Renames a file, replacing what has the new name. Durable when it returns.
    ///
    /// # Errors
    /// Whatever the disk says; then either name may be the one that a power cut leaves.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file, used by offset and from any thread.
pub trait DiskFile: Send + Sync {
    /// Writes all of it, growing the file if need be. Durable after [`DiskFile::sync_data`].
    ///
    /// # Errors
    /// Whatever the disk says; then any part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Fills the buffer.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end, or whatever the disk says.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn size(&self) -> io::Result<u64>;

    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// Whatever the disk says. After an error nothing is known about what is durable, and a
    /// second call would claim success for pages that the kernel has already dropped: never retry.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file, or grows it with zeros.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
}
