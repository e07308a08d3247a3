//! The staging folder, for files that are not content yet: uploads under way, and content on its
//! way to S3.
//!
//! A file in it belongs to one upload and is removed when that is dropped. Files that a crash
//! leaves are removed at the next start. Nothing that a client sends becomes part of a name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder's name inside the folder of the blobs.
const FOLDER: &str = "staging";

/// The mode of staged files: people's photos and voices are for the service's own user only.
const OWNER_ONLY: u32 = 0o600;

/// The next file's name. Names are unique in the process, and no other process uses the folder.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The open staging folder.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
}

/// The name of a staged file. The file is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct StagedFile {
    path: PathBuf,
}

impl Staging {
    /// Opens the folder and removes the files that an earlier process left in it. Also returns
    /// their number.
    pub(crate) fn open(root: &Path) -> io::Result<(Self, usize)> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let mut removed = 0;
        for entry in fs::read_dir(&folder)? {
            fs::remove_file(entry?.path())?;
            removed += 1;
        }
        Ok((Self { folder }, removed))
    }

    /// Makes an empty file to write and read.
    pub(crate) fn create(&self) -> io::Result<(StagedFile, File)> {
        let path = self.folder.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&path)?;
        Ok((StagedFile { path }, file))
    }
}

impl StagedFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes the file on this thread, not on another one: a runtime that is shutting down drops its
/// last tasks. Even a large file is unlinked in a few milliseconds.
impl Drop for StagedFile {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            // It was put in place under another name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "a staged file stays until the next start");
            }
        }
    }
}
