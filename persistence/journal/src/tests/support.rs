//! Sample records that follow from their position alone, and journals to put them into.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use priv_domain::{EntityId, Environment, Kind, Position, Timestamp, Version};

use crate::disk::{Disk, FaultyDisk, MemoryDisk, RealDisk};
use crate::{AppendError, Draft, FileJournal, Journal, OpenError, Options, Personal, Record, Tap};

/// The time after which a test decides that something will never happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Small enough that a few hundred records fill several segments.
pub(super) fn small() -> Options {
    Options {
        segment_bytes: 64 << 10,
        max_queued_bytes: 256 << 10,
        max_record_bytes: 40 << 10,
        group_bytes: 8 << 10,
        archive: false,
        retry: Duration::from_millis(2),
        ..Options::default()
    }
}

pub(super) fn archiving() -> Options {
    Options { archive: true, ..small() }
}

/// A disk and a folder on it.
pub(super) struct Rig {
    pub(super) name: &'static str,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    _keep: Option<tempfile::TempDir>,
}

impl Rig {
    pub(super) fn all() -> Vec<Self> {
        vec![Self::real(), Self::memory(), Self::on(FaultyDisk::new())]
    }

    pub(super) fn real() -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let dir = folder.path().join("journal");
        Self { name: "real", disk: Arc::new(RealDisk), dir, _keep: Some(folder) }
    }

    pub(super) fn memory() -> Self {
        let disk = Arc::new(MemoryDisk::new());
        Self { name: "memory", disk, dir: "/journal".into(), _keep: None }
    }

    pub(super) fn on(disk: FaultyDisk) -> Self {
        Self { name: "faulty", disk: Arc::new(disk), dir: "/journal".into(), _keep: None }
    }

    /// Another folder on the same disk, for as long as this one lives.
    pub(super) fn at(&self, dir: PathBuf) -> Self {
        Self { name: self.name, disk: Arc::clone(&self.disk), dir, _keep: None }
    }

    pub(super) fn open(&self) -> FileJournal {
        self.open_with(small())
    }

    pub(super) fn open_with(&self, options: Options) -> FileJournal {
        self.try_open(options, None).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(super) fn open_tapped(&self, tap: Tap) -> FileJournal {
        self.try_open(small(), Some(tap)).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(super) fn try_open(
        &self,
        options: Options,
        tap: Option<Tap>,
    ) -> Result<FileJournal, OpenError> {
        let disk = Arc::clone(&self.disk);
        FileJournal::open(disk, &self.dir, options, tap, Box::new(|_| ()))
    }

    /// The paths of the files whose names have this ending, in order.
    pub(super) fn files(&self, ending: &str) -> Vec<PathBuf> {
        let names = self.disk.list(&self.dir).expect("the folder is there");
        names.iter().filter(|name| name.ends_with(ending)).map(|name| self.dir.join(name)).collect()
    }

    pub(super) fn bytes(&self, path: &Path) -> Vec<u8> {
        let file = self.disk.open(path).expect("the file is there");
        let size = usize::try_from(file.size().expect("it has a size")).expect("it is small");
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, 0).expect("it can be read");
        bytes
    }

    pub(super) fn overwrite(&self, path: &Path, bytes: &[u8]) {
        let file = self.disk.open(path).expect("the file is there");
        file.set_len(bytes.len() as u64).expect("it can be cut");
        file.write_all_at(bytes, 0).expect("it can be written");
        file.sync_data().expect("it can be synced");
    }
}

/// The content of the sample record at a position: its sizes and parts vary, and follow from the
/// position.
pub(super) struct Sample {
    entity: EntityId,
    position: u64,
    core: Vec<u8>,
    personal: Option<Vec<u8>>,
}

pub(super) fn sample(position: u64) -> Sample {
    let mix = position.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let fill = |length: u64, salt: u64| -> Vec<u8> {
        (0..length).map(|i| (mix.rotate_left(7) ^ (i * salt)).to_le_bytes()[0]).collect()
    };
    let kind = Kind::ALL[usize::try_from(mix % 3).expect("below three")];
    let environment = Environment::ALL[usize::try_from(mix % 2).expect("below two")];
    let personal = match mix % 5 {
        0 | 1 => None,
        2 => Some(Vec::new()),
        _ => Some(fill(mix % 300, 3)),
    };
    let long = if position.is_multiple_of(41) { 9000 } else { 0 };
    Sample {
        entity: EntityId { environment, kind, key: format!("entity-{}", mix % 17).into() },
        position,
        core: fill(mix % 200 + long, 5),
        personal,
    }
}

impl Sample {
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft {
            entity: &self.entity,
            version: Version::new(self.position * 2),
            previous: Position::new(self.position / 2),
            at: Timestamp::from_millis(-7 * self.position.cast_signed()),
            format: 3,
            core: &self.core,
            personal: self.personal.as_deref(),
        }
    }

    pub(super) fn record(&self) -> Record {
        let draft = self.draft();
        Record {
            position: Position::new(self.position),
            entity: self.entity.clone(),
            version: draft.version,
            previous: draft.previous,
            at: draft.at,
            format: draft.format,
            core: self.core.clone(),
            personal: self.personal.clone().map_or(Personal::Absent, Personal::Present),
        }
    }
}

/// Appends the samples up to `last`, retrying while the journal is full, and waits until they are
/// durable.
pub(super) fn fill(journal: &dyn Journal, last: u64) {
    while journal.appended().get() < last {
        append_next(journal);
    }
    journal.when_durable(Position::new(last)).wait().expect("the disk is well");
}

/// Appends the next sample, once there is room for it.
pub(super) fn append_next(journal: &dyn Journal) -> Position {
    let next = journal.appended().next();
    let sample = sample(next.get());
    let mut appended = None;
    eventually(|| match journal.append(sample.draft()) {
        Ok(position) => {
            appended = Some(position);
            true
        }
        Err(AppendError::Full) => false,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(appended, Some(next));
    next
}

/// Waits until a condition holds.
pub(super) fn eventually(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited for it in vain");
        std::thread::yield_now();
    }
}

/// Checks that the journal holds exactly the samples up to `last`, read by scan and by position.
pub(super) fn assert_holds(journal: &dyn Journal, last: u64) {
    assert_eq!(journal.durable(), Position::new(last));
    let mut next = 1;
    for record in journal.scan(Position::ZERO) {
        assert_eq!(record.expect("it can be read"), sample(next).record());
        next += 1;
    }
    assert_eq!(next, last + 1, "a scan ends with what is durable");
    for position in (1..=last).rev().step_by(7) {
        let record = journal.read(Position::new(position)).expect("it can be read");
        assert_eq!(record, Some(sample(position).record()));
    }
}

/// A waker that counts how often it was called.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A small seeded generator that gives the same numbers everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
