//! The surroundings that all actors of a process share: journal, store, clock, memory, threads.
//!
//! Knows no actor: actors, directories and the housekeeping stand on it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use priv_domain::machine::Entity;
use priv_domain::{EntityId, Position, Timestamp};
use priv_journal::{Journal, JournalStopped};
use priv_store::codec::Persistent;
use priv_store::data_dir::DataDir;
use priv_store::projector::Projection;
use priv_store::snapshots::Snapshot;
use priv_store::{Store, StoreError};
use tokio::sync::Notify;

use crate::clock::{Clock, Ids};
use crate::options::Options;

/// Milliseconds in a tick, by which the last use of actors is told apart.
const TICK_MILLIS: i64 = 16;

/// What to do when the process can't go on: it must end, and recovery decides.
pub type OnFatal = Arc<dyn Fn(&dyn std::error::Error) + Send + Sync>;

/// What all actors of a process share.
pub(crate) struct Host {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) store: Store,
    pub(crate) projection: Projection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) options: Options,
    pub(crate) on_fatal: OnFatal,
    /// Notified when actors must go for others to come.
    pub(crate) memory_is_short: Arc<Notify>,
    threads: Vec<ArbiterHandle>,
    started: Timestamp,
    /// Memory of resident actors, in bytes; may be below zero for a moment.
    resident: AtomicI64,
    /// Whether the journal had no room the last time.
    refuses: AtomicBool,
    /// Locked for as long as an actor may write.
    _data_dir: DataDir,
}

/// What a host is made of.
pub(crate) struct Parts {
    pub(crate) data_dir: DataDir,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) store: Store,
    pub(crate) projection: Projection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) options: Options,
    pub(crate) on_fatal: OnFatal,
    /// The threads that actors run on; one at least.
    pub(crate) threads: Vec<ArbiterHandle>,
}

impl Host {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { data_dir, journal, store, projection, clock, ids, options, on_fatal, threads } =
            parts;
        Self {
            journal,
            store,
            projection,
            started: clock.now(),
            clock,
            ids,
            options,
            on_fatal,
            memory_is_short: Arc::default(),
            threads,
            resident: AtomicI64::new(0),
            refuses: AtomicBool::new(false),
            _data_dir: data_dir,
        }
    }

    /// An entity as its snapshot has it; a new one where there is none.
    pub(crate) fn load<M: Persistent>(&self, id: &EntityId) -> Result<Entity<M>, StoreError> {
        Ok(self.store.snapshots.get(id)?.unwrap_or_default())
    }

    /// Keeps snapshots whose last record is at most at `position`, once that is durable.
    ///
    /// # Errors
    /// The process is stopping: nothing was kept.
    pub(crate) async fn keep_snapshots(
        &self,
        snapshots: &[Snapshot],
        position: Position,
    ) -> Result<(), Stopping> {
        self.journal.when_durable(position).await?;
        self.store.snapshots.put_all(snapshots).map_err(|error| {
            self.store_is_broken(&error);
            Stopping
        })
    }

    /// The store can't be used: the process ends, and the next start rebuilds it.
    pub(crate) fn store_is_broken(&self, error: &StoreError) {
        if let Err(error) = self.store.distrust() {
            tracing::error!(%error, "cannot note that the store is broken: remove its folder");
        }
        (self.on_fatal)(error);
    }

    pub(crate) fn actor_panicked(&self) {
        (self.on_fatal)(&std::io::Error::other("an actor panicked"));
    }

    pub(crate) fn refuses(&self) -> &AtomicBool {
        &self.refuses
    }

    /// A new ULID's bits.
    pub(crate) fn fresh_id(&self, now: Timestamp) -> u128 {
        self.ids.fresh(now)
    }

    /// Time since the start, in ticks of 16 ms.
    pub(crate) fn ticks(&self) -> u32 {
        u32::try_from(self.clock.now().millis_since(self.started) / TICK_MILLIS).unwrap_or(0)
    }

    pub(crate) fn ticks_of(duration: Duration) -> u32 {
        let millis = u128::try_from(TICK_MILLIS).unwrap_or(1);
        u32::try_from(duration.as_millis() / millis).unwrap_or(u32::MAX)
    }

    /// The thread on which an entity's actor runs, in every life.
    pub(crate) fn thread(&self, id: &EntityId) -> &ArbiterHandle {
        let mut hasher = std::hash::DefaultHasher::new();
        id.hash(&mut hasher);
        &self.threads[usize::try_from(hasher.finish() >> 32).unwrap_or(0) % self.threads.len()]
    }

    /// Memory of resident actors, in bytes, about.
    pub(crate) fn resident_bytes(&self) -> u64 {
        u64::try_from(self.resident.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(crate) fn add_resident_bytes(&self, change: i64) {
        let before = self.resident.fetch_add(change, Ordering::Relaxed);
        // Early, so that actors have gone before others are refused.
        if change > 0 && self.is_over(before + change, 7, 8) {
            self.memory_is_short.notify_one();
        }
    }

    /// Takes memory for another actor; `false` where the budget has no more. A sixty-fourth is left
    /// for those to grow who are there.
    pub(crate) fn takes_room(&self, bytes: u32) -> bool {
        let taken = self.resident.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |resident| {
            let after = resident + i64::from(bytes);
            (!self.is_over(after, 63, 64)).then_some(after)
        });
        if taken.map_or(true, |before| self.is_over(before + i64::from(bytes), 7, 8)) {
            self.memory_is_short.notify_one();
        }
        taken.is_ok()
    }

    /// Whether so many bytes are over a part of the budget.
    fn is_over(&self, bytes: i64, times: u64, per: u64) -> bool {
        let budget = self.options.resident_bytes.saturating_mul(times) / per;
        u64::try_from(bytes).is_ok_and(|bytes| bytes > budget)
    }
}

/// The process is stopping: nothing more is kept.
#[derive(Debug)]
pub(crate) struct Stopping;

impl From<JournalStopped> for Stopping {
    fn from(_: JournalStopped) -> Self {
        Self
    }
}
