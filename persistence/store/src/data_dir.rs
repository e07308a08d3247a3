//! The data directory, which one process at a time has to itself.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The journal's folder inside the data directory.
pub const JOURNAL: &str = "journal";

/// The folder of contributed content inside the data directory.
pub const BLOBS: &str = "blobs";

const LOCK: &str = "LOCK";

/// A data directory that this process has to itself, until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// The reason why a data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("{path} is in use by another process; stop that one first", path = .0.display())]
    InUse(PathBuf),
    /// The directory or its lock file can't be made, or locking failed.
    #[error("cannot use {path} as the data directory", path = path.display())]
    Io {
        /// The data directory that was asked for.
        path: PathBuf,
        /// The error that the system gave.
        source: io::Error,
    },
}

impl DataDir {
    /// Locks a data directory, making it if it is missing.
    ///
    /// # Errors
    /// Another process has it, or it can't be made or locked.
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        let failed = |source| DataDirError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                Err(DataDirError::InUse(path.to_owned()))
            }
            Err(error) => Err(failed(error.into())),
        }
    }

    /// The path of the data directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of its journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_had_once_at_a_time() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let first = DataDir::lock(dir.path()).expect("free");
        assert!(matches!(DataDir::lock(dir.path()), Err(DataDirError::InUse(_))));
        drop(first);
        DataDir::lock(dir.path()).expect("free again");
    }
}
