//! How a node is run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use priv_domain::Position;
use priv_store::data_dir::JOURNAL;

/// How a node is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The journal's folder, on the disk that the node is given.
    pub journal_dir: PathBuf,
    /// Threads that actors run on; one at least.
    pub arbiters: usize,
    /// Memory for resident actors, in bytes. Above it the least recently used go.
    pub resident_bytes: u64,
    /// Actors that were not used for this long go.
    pub idle: Duration,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
    /// sled's cache, in bytes.
    pub store_cache_bytes: u64,
    /// The journal's own options.
    pub journal: priv_journal::Options,
    /// Where tests make threads fail; nowhere by default.
    pub faults: FaultPoints,
}

/// The places at which a test can make a thread fail, by panicking there.
#[derive(Clone, Default)]
pub struct FaultPoints {
    /// On the projector's thread, before it takes in a group that ends at this position.
    pub projecting: Option<Arc<dyn Fn(Position) + Send + Sync>>,
}

impl FaultPoints {
    pub(crate) fn reach_projecting(&self, position: Position) {
        if let Some(fail) = &self.projecting {
            fail(position);
        }
    }
}

impl fmt::Debug for FaultPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPoints").field("projecting", &self.projecting.is_some()).finish()
    }
}

impl Options {
    /// The defaults for a data directory.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            journal_dir: data_dir.join(JOURNAL),
            data_dir,
            arbiters: std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2)),
            resident_bytes: 512 << 20,
            idle: Duration::from_secs(300),
            checkpoint_every: Duration::from_secs(60),
            store_cache_bytes: 64 << 20,
            journal: priv_journal::Options::default(),
            faults: FaultPoints::default(),
        }
    }
}
