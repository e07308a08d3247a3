//! The disk as the journal sees it, and three implementations: the machine's own, one in memory,
//! and one that loses power.
//!
//! The traits say which calls are durable, because a journal depends on nothing else. Buffering,
//! caching and retrying are left out: an error is handed up as it is, once.

mod faulty;
mod memory;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use faulty::{Fault, FaultyDisk, Kept};
pub use memory::MemoryDisk;
pub use real::RealDisk;

/// Access to folders and to the files in them by name.
pub trait Disk: Send + Sync + 'static {
    /// Makes the folder and those above it; no error if it is there already. Durable when this
    /// returns.
    ///
    /// # Errors
    /// Any error of the disk.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes a file of `bytes` zeros, which must not exist yet. The file, its length, its zeros and
    /// its name are durable when this returns; if it fails, nothing is left behind as far as the
    /// disk allows.
    ///
    /// # Errors
    /// `AlreadyExists`, `StorageFull`, or any other error of the disk.
    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file to read and write, or only to read if the disk does not allow more.
    ///
    /// # Errors
    /// `NotFound`, or any other error of the disk.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// The names of the files in a folder, sorted.
    ///
    /// # Errors
    /// `NotFound`, or any other error of the disk.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Renames a file, replacing a file with the new name. Durable when this returns.
    ///
    /// # Errors
    /// Any error of the disk; then a power cut may leave either name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// `NotFound`, or any other error of the disk.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Any error of the disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file, read and written by offset from any thread.
pub trait DiskFile: Send + Sync {
    /// Writes all the bytes, growing the file if need be. Durable after [`DiskFile::sync_data`].
    ///
    /// # Errors
    /// Any error of the disk; then any part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Fills the buffer with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end of the file, or any other error of the disk.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Any error of the disk.
    fn size(&self) -> io::Result<u64>;

    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// Any error of the disk. After an error nothing is known about what is durable, and a second
    /// call would report success for pages that the kernel has already dropped: never retry.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file to a length in bytes, or grows it to that length with zeros.
    ///
    /// # Errors
    /// Any error of the disk.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
}
