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

/// Opens the store and brings it up to the end of the journal.
///
/// A store that is missing, can't be trusted, is ahead of the journal or does not fit it is
/// replaced by an empty one, which is filled from the whole journal. `cache_bytes` bounds the
/// memory of sled's cache, roughly.
///
/// # Errors
/// See [`RecoveryError`].
pub fn recover(
    data_dir: &Path,
    journal: &dyn Journal,
    cache_bytes: u64,
) -> Result<Recovered, RecoveryError> {
    let started = Instant::now();
    let (store, found) = Store::open(data_dir, cache_bytes)?;
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
            Self::Read(_) => false,
            Self::Store(_) | Self::Project(_) | Self::Replay { .. } => true,
        }
    }
}

fn bring_up_to_date(store: Store, journal: &dyn Journal) -> Result<Recovered, RecoveryError> {
    let end = journal.durable();
    let checkpoint = store.checkpoint()?;
    let (mut projector, projection) = Projector::new(store.views.clone())?;
    if checkpoint > end || projector.reached() > end {
        return Err(StoreError::Damaged { what: "position: it is ahead of the journal" }.into());
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
    store.set_checkpoint(end)?;
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
