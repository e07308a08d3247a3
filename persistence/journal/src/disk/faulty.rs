//! A disk that loses power, fails, fills up and lies on demand, for tests.
//!
//! Every file has two contents: the one that the process sees, and the durable one. A write changes
//! only the first and marks 512-byte sectors dirty; a sync copies the dirty sectors over. A power
//! cut keeps the durable content and, chosen by a seed, any subset of the dirty sectors, as a disk
//! with a write cache does. Names work alike, folder by folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::memory::{index, names_in, read_from, write_into};
use super::{Disk, DiskFile};

const SECTOR_BYTES: usize = 512;

/// A fault that can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// After `after` more writes, the next one stores half of its bytes and fails.
    ShortWrite {
        /// Number of writes that still succeed.
        after: u32,
    },
    /// After `after` more writes, the next one stores nothing and fails.
    FailWrite {
        /// Number of writes that still succeed.
        after: u32,
    },
    /// After `after` more syncs, the next one fails. Dirty sectors then look clean to the process
    /// and are not durable, as on Linux.
    FailSync {
        /// Number of syncs that still succeed.
        after: u32,
    },
    /// From now on a sync of data reports success and does nothing.
    LyingSync,
    /// From now on only so many more bytes can be allocated.
    Full {
        /// Bytes that are still free.
        free: u64,
    },
    /// Takes [`Fault::Full`] back: there is space again.
    Roomy,
    /// The power goes at the `at`-th change from now (a write, sync, creation, rename or removal):
    /// that change is seen but not durable, and from then on everything fails.
    Stop {
        /// The number of the change, counted from 1; at 0 no change happens any more.
        at: u32,
    },
}

/// How much of what was not synced a power cut leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing that was not synced.
    Nothing,
    /// Everything, as when the process died and the machine did not.
    Everything,
    /// Any subset of sectors and names, chosen by this seed.
    Some(u64),
}

/// A disk with a volatile cache, and faults on demand. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    faults: Faults,
    changes: u64,
}

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct Faults {
    short_write: Option<u32>,
    fail_write: Option<u32>,
    fail_sync: Option<u32>,
    lying: bool,
    free: Option<u64>,
    stop: Option<u32>,
}

struct FaultyFile {
    state: Arc<Mutex<State>>,
    id: usize,
}

impl FaultyDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Injects a fault, in addition to those injected already.
    pub fn inject(&self, fault: Fault) {
        let faults = &mut self.state.lock().faults;
        match fault {
            Fault::ShortWrite { after } => faults.short_write = Some(after),
            Fault::FailWrite { after } => faults.fail_write = Some(after),
            Fault::FailSync { after } => faults.fail_sync = Some(after),
            Fault::LyingSync => faults.lying = true,
            Fault::Full { free } => faults.free = Some(free),
            Fault::Roomy => faults.free = None,
            Fault::Stop { at } => faults.stop = Some(at),
        }
    }

    /// The number of changes made so far, to place a [`Fault::Stop`].
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.state.lock().changes
    }

    /// Whether a [`Fault::Stop`] has happened.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.state.lock().faults.stop == Some(0)
    }

    /// The disk as it is found after a power cut now: a new disk, without faults.
    #[must_use]
    pub fn power_cut(&self, kept: Kept) -> Self {
        let state = self.state.lock();
        let mut dice = match kept {
            Kept::Some(seed) => Dice(seed),
            Kept::Nothing | Kept::Everything => Dice(0),
        };
        let names = match kept {
            Kept::Nothing => &state.durable,
            Kept::Everything => &state.seen,
            Kept::Some(_) if dice.coin() => &state.seen,
            Kept::Some(_) => &state.durable,
        };
        let files = state.files.iter().map(|content| content.after_cut(kept, &mut dice)).collect();
        let after = State {
            seen: names.clone(),
            durable: names.clone(),
            files,
            faults: Faults::default(),
            changes: 0,
        };
        Self { state: Arc::new(Mutex::new(after)) }
    }

    /// Flips the bits of `mask` in one durable byte, as a bad disk does.
    ///
    /// # Errors
    /// `NotFound` if there is no such file, `UnexpectedEof` if there is no such byte.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = *state.seen.get(path).ok_or(io::ErrorKind::NotFound)?;
        let content = &mut state.files[id];
        for bytes in [&mut content.seen, &mut content.durable] {
            *bytes.get_mut(index(offset)).ok_or(io::ErrorKind::UnexpectedEof)? ^= mask;
        }
        Ok(())
    }
}

impl State {
    /// Counts a change. `Ok(false)` means that everything stops at this one: the caller makes the
    /// change without its effect on what is durable, and fails.
    fn change(&mut self) -> io::Result<bool> {
        match &mut self.faults.stop {
            None => {}
            Some(0) => return Err(stopped()),
            Some(1) => {
                self.faults.stop = Some(0);
                return Ok(false);
            }
            Some(at) => *at -= 1,
        }
        self.changes += 1;
        Ok(true)
    }

    fn allocate(&mut self, bytes: u64) -> io::Result<()> {
        match &mut self.faults.free {
            Some(free) if *free < bytes => Err(io::ErrorKind::StorageFull.into()),
            Some(free) => {
                *free -= bytes;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn id(&self, path: &Path) -> io::Result<usize> {
        self.seen.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Content {
    fn write(&mut self, bytes: &[u8], offset: u64) {
        let from = self.seen.len().min(index(offset));
        write_into(&mut self.seen, bytes, offset);
        self.touch(from, index(offset) + bytes.len());
    }

    fn touch(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES));
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.seen, &mut self.durable, sector);
        }
    }

    fn after_cut(&self, kept: Kept, dice: &mut Dice) -> Self {
        let mut bytes = self.durable.clone();
        match kept {
            Kept::Nothing => {}
            Kept::Everything => bytes.clone_from(&self.seen),
            Kept::Some(_) => {
                if dice.coin() {
                    bytes.resize(self.seen.len(), 0);
                }
                // Few, half or nearly all sectors: each leaves different damage.
                let odds = dice.next() % 257;
                for &sector in &self.dirty {
                    if dice.next() % 256 < odds {
                        copy_sector(&self.seen, &mut bytes, sector);
                    }
                }
            }
        }
        Self { seen: bytes.clone(), durable: bytes, dirty: BTreeSet::new() }
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR_BYTES;
    let end = (start + SECTOR_BYTES).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        if state.seen.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let whole = state.change()?;
        state.allocate(bytes)?;
        let id = state.files.len();
        let mut content = Content { seen: vec![0; index(bytes)], ..Content::default() };
        content.touch(0, index(bytes));
        if whole {
            content.sync();
            state.durable.insert(path.to_owned(), id);
        }
        state.files.push(content);
        state.seen.insert(path.to_owned(), id);
        if !whole {
            return Err(stopped());
        }
        drop(state);
        Ok(Arc::new(FaultyFile { state: Arc::clone(&self.state), id }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let id = self.state.lock().id(path)?;
        Ok(Arc::new(FaultyFile { state: Arc::clone(&self.state), id }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        Ok(names_in(dir, self.state.lock().seen.keys()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = state.id(from)?;
        let whole = state.change()?;
        state.seen.remove(from);
        state.seen.insert(to.to_owned(), id);
        if !whole {
            return Err(stopped());
        }
        state.durable = state.seen.clone();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.id(path)?;
        let whole = state.change()?;
        state.seen.remove(path);
        if whole { Ok(()) } else { Err(stopped()) }
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        if !state.change()? {
            return Err(stopped());
        }
        state.durable = state.seen.clone();
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let whole = state.change()?;
        let grows =
            (offset + bytes.len() as u64).saturating_sub(state.files[self.id].seen.len() as u64);
        state.allocate(grows)?;
        if due(&mut state.faults.fail_write) {
            return Err(io::Error::other("injected: the write failed"));
        }
        let short = due(&mut state.faults.short_write);
        let stored = if short { &bytes[..bytes.len() / 2] } else { bytes };
        state.files[self.id].write(stored, offset);
        match (whole, short) {
            (false, _) => Err(stopped()),
            (true, true) => Err(io::Error::new(io::ErrorKind::WriteZero, "injected: short write")),
            (true, false) => Ok(()),
        }
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_from(&self.state.lock().files[self.id].seen, buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.state.lock().files[self.id].seen.len() as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if !state.change()? {
            return Err(stopped());
        }
        if due(&mut state.faults.fail_sync) {
            state.files[self.id].dirty.clear();
            return Err(io::Error::other("injected: the sync failed"));
        }
        if !state.faults.lying {
            state.files[self.id].sync();
        }
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let whole = state.change()?;
        let content = &mut state.files[self.id];
        let before = content.seen.len();
        content.seen.resize(index(bytes), 0);
        content.touch(before.min(index(bytes)), index(bytes));
        if whole { Ok(()) } else { Err(stopped()) }
    }
}

/// Counts a fault down; true once, when it is due.
fn due(fault: &mut Option<u32>) -> bool {
    match fault {
        None => false,
        Some(0) => {
            *fault = None;
            true
        }
        Some(after) => {
            *after -= 1;
            false
        }
    }
}

fn stopped() -> io::Error {
    io::Error::other("injected: everything has stopped")
}

/// `SplitMix64`: small, and the same everywhere.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}
