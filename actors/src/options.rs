//! How a node is run.

use std::path::PathBuf;
use std::time::Duration;

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
        }
    }
}
