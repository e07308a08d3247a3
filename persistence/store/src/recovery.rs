//! Recovery: snapshots and views are brought up to the end of the journal before anyone is served.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use priv_domain::entity::EntityId;
use priv_domain::journal_point::Version;
use priv_domain::{AnyEntity, Position};
use priv_journal::{Journal, Personal, PersonalView, ReadError, Record, RecordView};

use crate::any_entity::{self, ApplyError};
use crate::error::StoreError;
use crate::projector::{ProjectError, Projection, Projector};
use crate::store::{Found, Store};

/// The most entities that are in memory at once while records are folded in.
const MAX_ENTITIES: usize = 50_000;
/// The number of records between two commits of the projector.
const PROJECT_EVERY: u64 = 10_000;

/// The reason why the service can't start.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The projector can't take in a record.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The store holds records that the journal doesn't have.
    #[error(
        "the store holds records up to position {known}, but the journal ends at position {end}: acknowledged records are missing"
    )]
    Ahead {
        /// The last position that the store holds.
        known: Position,
        /// The position at which the journal ends.
        end: Position,
    },
    /// A record can't be folded into its entity.
    #[error(
        "the record at position {position} can't be replayed; restore a backup, and keep this directory for a look"
    )]
    Replay {
        /// The position of the record.
        position: Position,
        /// The reason why it can't be folded in.
        source: ApplyError,
    },
}

/// The result of recovery.
#[derive(Debug)]
pub struct Recovered {
    /// The store, up to the journal's end.
    pub store: Store,
    /// The projector, up to the journal's end.
    pub projector: Projector,
    /// The part of the projector that others see.
    pub projection: Projection,
    /// Entities with pending work, which must be activated.
    pub with_pending_work: Vec<EntityId>,
    /// The number of records that were replayed.
    pub replayed: u64,
}

/// Brings a store that was opened up to the end of the journal.
///
/// A store that was rebuilt or does not fit the journal is replaced by an empty one, which is
/// filled from the whole journal. Not so one that is ahead of it: that proves that the journal has
/// lost records. The journal itself refuses it if it is opened with the store's
/// [witnesses](Store::witnesses), before it changes anything. `cache_bytes` bounds the memory of
/// sled's cache, roughly.
///
/// # Errors
/// See [`RecoveryError`].
pub fn recover(
    data_dir: &Path,
    journal: &dyn Journal,
    (store, found): (Store, Found),
    cache_bytes: u64,
) -> Result<Recovered, RecoveryError> {
    let started = Instant::now();
    let recovered = match (bring_up_to_date(store, journal), found) {
        (Err(error), Found::Whole) if error.blames_the_store() => {
            tracing::warn!(%error, "the store does not fit the journal: it is rebuilt");
            bring_up_to_date(Store::begin_anew(data_dir, cache_bytes)?, journal)?
        }
        (recovered, _) => recovered?,
    };
    let seconds = started.elapsed().as_secs_f64();
    tracing::info!(records = recovered.replayed, seconds, "recovered");
    Ok(recovered)
}

impl RecoveryError {
    /// Whether an empty store might do better.
    fn blames_the_store(&self) -> bool {
        match self {
            Self::Read(_) | Self::Ahead { .. } => false,
            Self::Store(_) | Self::Project(_) | Self::Replay { .. } => true,
        }
    }
}

fn bring_up_to_date(store: Store, journal: &dyn Journal) -> Result<Recovered, RecoveryError> {
    let end = journal.head();
    let checkpoint = store.checkpoint()?;
    let (mut projector, projection) = Projector::new(store.views.clone())?;
    let known = checkpoint.max(projector.reached());
    if known > end.position {
        return Err(RecoveryError::Ahead { known, end: end.position });
    }
    let from = checkpoint.min(projector.reached()).next();
    let mut replay = Replay { store: &store, entities: HashMap::new() };
    let mut replayed = 0;
    for record in journal.scan(from) {
        let record = record?;
        projector.project(&view(&record))?;
        if record.position > checkpoint {
            replay.fold(&record)?;
        }
        replayed += 1;
        if replayed % PROJECT_EVERY == 0 {
            projector.commit()?;
        }
    }
    projector.commit()?;
    replay.write_out()?;
    store.set_checkpoint(&end)?;
    let with_pending_work = store.snapshots.with_pending_work().collect::<Result<_, _>>()?;
    Ok(Recovered { store, projector, projection, with_pending_work, replayed })
}

fn view(record: &Record) -> RecordView<'_> {
    let Record { position, entity, version, previous, at, format, core, personal } = record;
    RecordView {
        position: *position,
        environment: entity.environment,
        kind: entity.kind,
        key: &entity.key,
        version: *version,
        previous: *previous,
        at: *at,
        format: *format,
        core,
        personal: match personal {
            Personal::Absent => PersonalView::Absent,
            Personal::Present(bytes) => PersonalView::Present(bytes),
            Personal::Erased(hash) => PersonalView::Erased(hash),
        },
    }
}

/// The entities that records are being folded into.
struct Replay<'a> {
    store: &'a Store,
    entities: HashMap<EntityId, AnyEntity>,
}

impl Replay<'_> {
    fn fold(&mut self, record: &Record) -> Result<(), RecoveryError> {
        let at_fault = |source| RecoveryError::Replay { position: record.position, source };
        if let Some(entity) = self.entities.get_mut(&record.entity) {
            return any_entity::apply(entity, record).map_err(at_fault);
        }
        if self.entities.len() >= MAX_ENTITIES {
            self.write_out()?;
        }
        let stored = match record.version == Version::ZERO.next() {
            // The first record: a snapshot is of a journal that is gone, or will be made again.
            true => None,
            false => any_entity::load(&self.store.snapshots, &record.entity)?,
        };
        let mut entity = stored.unwrap_or_else(|| AnyEntity::new(record.entity.kind));
        any_entity::apply(&mut entity, record).map_err(at_fault)?;
        self.entities.insert(record.entity.clone(), entity);
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        for (id, entity) in self.entities.drain() {
            self.store.snapshots.put_all(&[any_entity::snapshot(&entity, &id)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use priv_journal::{ChainHash, ChainPoint, MemoryJournal};

    use super::*;
    use crate::store::SET_ASIDE;

    #[test]
    fn a_store_that_is_ahead_of_its_journal_is_refused_and_kept() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (store, _) = Store::open(dir.path(), 1 << 20).expect("opens");
        let point = ChainPoint { position: Position::new(7), hash: ChainHash::new([7; 32]) };
        store.set_checkpoint(&point).expect("syncs");
        drop(store);
        let journal = MemoryJournal::new(None).expect("memory does not fail");
        let opened = Store::open(dir.path(), 1 << 20).expect("opens");
        assert_eq!(opened.1, Found::Whole);
        let known = opened.0.witnesses().expect("can be read");
        assert!(known.contains(&point.into()) && known.contains(&point.position.into()));
        let refused = recover(dir.path(), &journal, opened, 1 << 20).expect_err("it is ahead");
        assert!(matches!(refused, RecoveryError::Ahead { .. }), "{refused}");
        assert!(!dir.path().join(SET_ASIDE).exists());
        let (store, _) = Store::open(dir.path(), 1 << 20).expect("opens");
        assert_eq!(store.checkpoint().expect("can be read"), point.position);
    }
}
