//! A disk in memory, for the tests of the journal's users.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::{Disk, DiskFile};

/// A disk in memory. Clones share it, so that a journal can be closed and opened again.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<BTreeMap<PathBuf, Arc<MemoryFile>>>>,
}

#[derive(Debug, Default)]
struct MemoryFile(RwLock<Vec<u8>>);

impl MemoryDisk {
    /// A new disk without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn file(&self, path: &Path) -> io::Result<Arc<MemoryFile>> {
        self.files.lock().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = self.files.lock();
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = Arc::new(MemoryFile::default());
        file.set_len(bytes)?;
        files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(path)?)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        Ok(names_in(dir, self.files.lock().keys()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files.lock();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.files.lock().remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_into(&mut self.0.write(), bytes, offset);
        Ok(())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_from(&self.0.read(), buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.read().len() as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.write().resize(index(bytes), 0);
        Ok(())
    }
}

/// The file names of those paths that lie directly in `dir`.
pub(super) fn names_in<'p>(dir: &Path, paths: impl Iterator<Item = &'p PathBuf>) -> Vec<String> {
    paths
        .filter(|path| path.parent() == Some(dir))
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .collect()
}

pub(super) fn write_into(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let (start, end) = (index(offset), index(offset) + bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

pub(super) fn read_from(content: &[u8], buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let start = index(offset);
    let bytes = content
        .get(start..start.saturating_add(buffer.len()))
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    buffer.copy_from_slice(bytes);
    Ok(())
}

pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("what is in memory has offsets that fit")
}
