//! The data directory: one process at a time has it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The journal's folder inside the data directory.
pub const JOURNAL: &str = "journal";

/// The folder of contributed content inside the data directory.
pub const BLOBS: &str = "blobs";

const LOCK: &str = "LOCK";

/// A data directory that this process has, until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory can't be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("{path} is in use by another process; stop that one first", path = .0.display())]
    InUse(PathBuf),
    /// It can't be made or locked.
    #[error("cannot use {path} as the data directory", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataDir {
    /// Takes a data directory, and makes it where it is missing.
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its journal is.
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
