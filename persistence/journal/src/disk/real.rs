//! The machine's own disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use super::{Disk, DiskFile};

const CHUNK_BYTES: u64 = 1 << 20;
/// Zeros are synced in steps, so that the journal's own sync, which may share a queue with them,
/// never waits behind a whole segment.
const STEP_BYTES: u64 = 1 << 20;

/// The machine's own disk: plain files, `fdatasync`, and `fsync` of folders.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(dir)?;
        match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.sync_dir(parent),
            Some(_) | None => self.sync_dir(Path::new(".")),
        }
    }

    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let filled = fill(&file, bytes).and_then(|()| self.sync_dir(parent(path)));
        if let Err(error) = filled {
            // The first error is the one to report; a leftover is removed at the next start.
            drop(std::fs::remove_file(path));
            return Err(error);
        }
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    || error.kind() == io::ErrorKind::ReadOnlyFilesystem =>
            {
                File::open(path)?
            }
            opened => opened?,
        };
        Ok(Arc::new(file))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)?;
        self.sync_dir(parent(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl DiskFile for File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        Self::set_len(self, bytes)
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    }
}

/// Fills a new file with zeros. It reserves the space first, so that a full disk fails before
/// anything is written, and then writes real zeros, so that a later sync has no extents to convert
/// and no metadata to write.
fn fill(file: &File, bytes: u64) -> io::Result<()> {
    if bytes > 0 {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let zeros = vec![0; usize::try_from(CHUNK_BYTES.min(bytes)).expect("a chunk fits in memory")];
    let mut done = 0;
    while done < bytes {
        let now = (bytes - done).min(CHUNK_BYTES);
        let chunk = &zeros[..usize::try_from(now).expect("not more than a chunk")];
        FileExt::write_all_at(file, chunk, done)?;
        done += now;
        if done % STEP_BYTES == 0 {
            file.sync_data()?;
        }
    }
    file.sync_all()
}
