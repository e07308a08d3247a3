//! The folder of what is not content yet: uploads that still run, content on its way to S3.
//!
//! A file in it belongs to one upload and goes when that is dropped. What a crash leaves is
//! removed at the next start. Nothing that a client sends becomes part of a name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Its name inside the blobs' folder.
pub(super) const FOLDER: &str = "staging";

/// People's photos and voices: for the service's own eyes.
const OWNER_ONLY: u32 = 0o600;

/// Names are unique in the process; the folder is this process's alone.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The folder.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
}

/// The name of a staged file, which goes with it.
#[derive(Debug)]
pub(super) struct StagedFile {
    path: PathBuf,
    name: String,
}

impl Staging {
    /// Opens the folder and removes what an earlier process left in it. Says how many files.
    pub(super) fn open(root: &Path) -> io::Result<(Self, usize)> {
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
    pub(super) fn create(&self) -> io::Result<(StagedFile, File)> {
        let name = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let path = self.folder.join(&name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&path)?;
        Ok((StagedFile { path, name }, file))
    }
}

impl StagedFile {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// Here and now, not on another thread: a runtime that is being shut down forgets what it was
/// given last. Unlinking even a large file takes a few milliseconds.
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
