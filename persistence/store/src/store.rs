//! The store: sled, with snapshots of entities and the views that are too long for memory.
//!
//! Everything in it can be rebuilt from the journal, and is whenever there is doubt. sled syncs
//! with `sync_file_range`, which does not survive a power cut, and does not notice that it lost
//! something. So the store is trusted only if it was closed and synced by us, or if the machine has
//! not rebooted since it was opened (`boot_id`): then the page cache has what a killed process had
//! written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use priv_domain::Position;
use priv_journal::{ChainPoint, Witness};

use crate::codec::{self, FORMAT};
use crate::error::StoreError;
use crate::snapshots::Snapshots;
use crate::views::Views;
use crate::witness;

/// The folder of sled inside the data directory.
pub const FOLDER: &str = "state";
/// The folder to which one that can't be opened, or does not fit the journal, is moved for a look.
/// It replaces the one before.
pub(crate) const SET_ASIDE: &str = "state.set-aside";
/// The file that says on which boot the folder was last opened, and whether it was closed.
const OWNER: &str = "state.owner";
/// The only file of sled that holds data.
const SLED_FILE: &str = "db";

/// The memory that a byte in sled's cache takes, about: sled counts a page as it is on disk.
/// Measured with small records: a list of keys and one of values, each with room to grow.
const MEMORY_OF_CACHED: u64 = 5;
/// The least cache, in bytes. sled allows 256, but with less than this it would read for each
/// write.
const MIN_CACHE_BYTES: u64 = 1 << 20;

/// How many times an open that the system refuses is tried again.
const OPEN_TRIES: u32 = 10;
const OPEN_AGAIN: Duration = Duration::from_millis(50);

const CHECKPOINT: &[u8] = b"checkpoint";

/// The tree of the views. When their form changes, the name does too: the new tree begins empty and
/// is filled from the whole journal at the first start.
const VIEWS: &str = "lists-4";
const VIEWS_BEFORE: [&str; 3] = ["lists", "lists-2", "lists-3"];

/// An open store. Clones are of the same store.
#[derive(Clone, Debug)]
pub struct Store {
    db: sled::Db,
    folder: PathBuf,
    /// Snapshots of all entities.
    pub snapshots: Snapshots,
    /// Lists and counters over many entities.
    pub views: Views,
}

/// The condition in which the store was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The store is as it was left.
    Whole,
    /// The store was missing, not trusted or not to be opened: it begins empty.
    Empty,
}

impl Store {
    /// Opens the store of a data directory, or begins an empty one. `cache_bytes` bounds the memory
    /// of sled's cache, roughly.
    ///
    /// # Errors
    /// The directory can't be written, or sled can't begin a new store there.
    pub fn open(data_dir: &Path, cache_bytes: u64) -> Result<(Self, Found), StoreError> {
        let folder = data_dir.join(FOLDER);
        let owner = Owner::read(data_dir);
        let trusted = owner.is_trusted() && folder.exists();
        if folder.exists() && !trusted {
            tracing::warn!(
                "the machine went down while the store was open: it is rebuilt from the journal"
            );
            remove(&folder)?;
        }
        Owner::write(data_dir, State::Open)?;
        match Self::open_folder(&folder, cache_bytes) {
            Ok(store) => Ok((store, if trusted { Found::Whole } else { Found::Empty })),
            Err(error) => {
                tracing::warn!(%error, "the store can't be opened: it is rebuilt from the journal");
                Self::begin_anew(data_dir, cache_bytes).map(|store| (store, Found::Empty))
            }
        }
    }

    /// Sets the store aside and begins an empty one.
    ///
    /// # Errors
    /// The directory can't be written, or sled can't begin a new store there.
    pub fn begin_anew(data_dir: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let (folder, aside) = (data_dir.join(FOLDER), data_dir.join(SET_ASIDE));
        remove(&aside)?;
        if folder.exists() {
            fs::rename(&folder, &aside).map_err(io_error(&folder))?;
        }
        Self::open_folder(&folder, cache_bytes)
    }

    fn open_folder(folder: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity((cache_bytes / MEMORY_OF_CACHED).max(MIN_CACHE_BYTES))
            .flush_every_ms(Some(1_000));
        // A store that was just closed releases its lock a moment later.
        let mut tries = 0;
        let db = loop {
            match config.open() {
                Err(sled::Error::Io(error)) if tries < OPEN_TRIES => {
                    tracing::debug!(%error, "the store can't be opened yet");
                    tries += 1;
                    std::thread::sleep(OPEN_AGAIN);
                }
                opened => break opened?,
            }
        };
        let snapshots = Snapshots::new(db.open_tree("snapshots")?);
        for before in VIEWS_BEFORE {
            db.drop_tree(before)?;
        }
        let views = Views::new(db.open_tree(VIEWS)?);
        Ok(Self { db, folder: folder.to_owned(), snapshots, views })
    }

    /// The position up to which the snapshots hold everything; zero before the first checkpoint.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn checkpoint(&self) -> Result<Position, StoreError> {
        match self.db.get(CHECKPOINT)? {
            Some(bytes) => Ok(codec::decode(FORMAT, &bytes)?),
            None => Ok(Position::ZERO),
        }
    }

    /// Puts everything that was written on disk, and then notes that the snapshots hold everything
    /// up to `point`, which must be durable in the journal. Blocks on the disk.
    ///
    /// # Errors
    /// sled or the disk failed; then the checkpoint before still holds.
    pub fn set_checkpoint(&self, point: &ChainPoint) -> Result<(), StoreError> {
        self.sync()?;
        self.db.insert(CHECKPOINT, codec::encode(&point.position))?;
        self.sync()?;
        witness::write(self.data_dir(), point)
    }

    /// The positions that were durable in the journal, as far as it is known here: at the last
    /// checkpoint, and up to the last record that a snapshot or a view holds.
    ///
    /// # Errors
    /// sled or the disk failed, or the note of the last checkpoint is damaged.
    pub fn witnesses(&self) -> Result<Vec<Witness>, StoreError> {
        let noted = witness::read(self.data_dir())?.map(Witness::from);
        // What is damaged here is no witness; recovery finds the damage, and rebuilds the store.
        let checkpoint = self.checkpoint().ok().map(Witness::from);
        let projected = self.views.projected().ok().map(Witness::from);
        Ok(noted.into_iter().chain(checkpoint).chain(projected).collect())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        let path = self.folder.join(SLED_FILE);
        File::open(&path).and_then(|file| file.sync_data()).map_err(io_error(&path))
    }

    /// Notes that the store is whole on disk, and where the journal ends. To be called after the
    /// last checkpoint and after the journal was shut down, with no more writes to follow.
    ///
    /// # Errors
    /// The disk failed, or a note can't be written; then the store is rebuilt after a reboot.
    pub fn close(self, end: &ChainPoint) -> Result<(), StoreError> {
        self.sync()?;
        witness::write(self.data_dir(), end)?;
        Owner::write(self.data_dir(), State::Closed)
    }

    /// Notes that the store can't be trusted, so that it is rebuilt at the next start.
    ///
    /// # Errors
    /// The note can't be removed.
    pub fn distrust(&self) -> Result<(), StoreError> {
        let path = self.data_dir().join(OWNER);
        fs::remove_file(&path).map_err(io_error(&path))
    }

    fn data_dir(&self) -> &Path {
        self.folder.parent().expect("the folder is inside the data directory")
    }

    /// The size of the store on disk, in bytes.
    ///
    /// # Errors
    /// sled failed.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.db.size_on_disk()?)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

/// The boot that last had the folder open, and whether it closed it; `None` if that is not known.
struct Owner(Option<(String, State)>);

impl Owner {
    fn read(data_dir: &Path) -> Self {
        let text = fs::read_to_string(data_dir.join(OWNER)).unwrap_or_default();
        let mut words = text.split_whitespace();
        Self(match (words.next(), words.next()) {
            (Some(boot), Some("open")) => Some((boot.to_owned(), State::Open)),
            (Some(boot), Some("closed")) => Some((boot.to_owned(), State::Closed)),
            _ => None,
        })
    }

    fn is_trusted(&self) -> bool {
        match &self.0 {
            Some((_, State::Closed)) => true,
            Some((boot, State::Open)) => boot_id().as_deref() == Some(boot),
            None => false,
        }
    }

    /// Written in place: a torn file says nothing, and then the store is not trusted.
    fn write(data_dir: &Path, state: State) -> Result<(), StoreError> {
        let path = data_dir.join(OWNER);
        let boot = boot_id().unwrap_or_else(|| "unknown".to_owned());
        let word = match state {
            State::Open => "open",
            State::Closed => "closed",
        };
        let write = || {
            fs::write(&path, format!("{boot} {word}\n"))?;
            File::open(&path)?.sync_all()?;
            File::open(data_dir)?.sync_all()
        };
        write().map_err(io_error(&path))
    }
}

/// The id of this boot. `None` if the system doesn't tell; then only a store that was closed is
/// trusted.
fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(folder)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use priv_journal::ChainHash;

    use super::*;

    fn point(position: u64) -> ChainPoint {
        ChainPoint { position: Position::new(position), hash: ChainHash::new([7; 32]) }
    }

    fn open(dir: &Path) -> (Store, Found) {
        Store::open(dir, 1 << 20).expect("opens")
    }

    #[test]
    fn a_store_is_trusted_after_a_close_or_on_the_same_boot_only() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (store, found) = open(dir.path());
        assert_eq!(found, Found::Empty);
        store.set_checkpoint(&point(7)).expect("syncs");
        drop(store);
        let (store, found) = open(dir.path());
        assert_eq!((found, store.checkpoint().expect("reads").get()), (Found::Whole, 7));
        drop(store);
        fs::write(dir.path().join(OWNER), "another-boot open\n").expect("writes");
        let (store, found) = open(dir.path());
        assert_eq!((found, store.checkpoint().expect("reads").get()), (Found::Empty, 0));
        store.set_checkpoint(&point(8)).expect("syncs");
        store.close(&point(8)).expect("closes");
        fs::write(dir.path().join(OWNER), "another-boot closed\n").expect("writes");
        let (store, found) = open(dir.path());
        assert_eq!((found, store.checkpoint().expect("reads").get()), (Found::Whole, 8));
    }

    #[test]
    fn a_store_that_sled_cannot_open_is_set_aside() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (store, _) = open(dir.path());
        store.close(&point(0)).expect("closes");
        fs::write(dir.path().join(FOLDER).join("conf"), b"not sled's").expect("writes");
        let (store, found) = open(dir.path());
        assert_eq!((found, store.checkpoint().expect("reads")), (Found::Empty, Position::ZERO));
        assert!(dir.path().join(SET_ASIDE).exists());
    }
}
