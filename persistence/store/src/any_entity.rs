//! Loading entities of any kind from the store, and folding records into them.

use priv_domain::AnyEntity;
use priv_domain::entity::{EntityId, Kind};
use priv_domain::journal_point::Version;
use priv_domain::ledger::Posting;
use priv_domain::listing::Listing;
use priv_domain::machine::{Entity, Entry};
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;
use priv_journal::Record;

use crate::codec::{self, DecodeError, Persistent};
use crate::error::StoreError;
use crate::snapshots::{Snapshot, Snapshots};

/// The reason why a record can't be folded into its entity.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The record's bytes are not an entry.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The record is not the next one of its entity.
    #[error("version {found} of a {} follows version {before}", entity.kind.as_str())]
    Gap {
        /// The entity that the record is of.
        entity: EntityId,
        /// The version of the entity before the record.
        before: Version,
        /// The version of the record.
        found: Version,
    },
}

/// Loads an entity's snapshot; `None` if it has none.
///
/// # Errors
/// See [`Snapshots::get`].
pub fn load(snapshots: &Snapshots, id: &EntityId) -> Result<Option<AnyEntity>, StoreError> {
    Ok(match id.kind {
        Kind::User => snapshots.get(id)?.map(|entity| AnyEntity::User(Box::new(entity))),
        Kind::Project => snapshots.get(id)?.map(|entity| AnyEntity::Project(Box::new(entity))),
        Kind::System => snapshots.get(id)?.map(|entity| AnyEntity::System(Box::new(entity))),
        Kind::Listing => snapshots.get(id)?.map(|entity| AnyEntity::Listing(Box::new(entity))),
    })
}

/// Makes a snapshot of an entity.
#[must_use]
pub fn snapshot(entity: &AnyEntity, id: &EntityId) -> Snapshot {
    match entity {
        AnyEntity::User(entity) => Snapshot::of(id, entity),
        AnyEntity::Project(entity) => Snapshot::of(id, entity),
        AnyEntity::System(entity) => Snapshot::of(id, entity),
        AnyEntity::Listing(entity) => Snapshot::of(id, entity),
    }
}

/// Folds a record into its entity. A record that the entity holds already changes nothing.
///
/// # Errors
/// The record is damaged, or one before it is missing.
pub fn apply(entity: &mut AnyEntity, record: &Record) -> Result<(), ApplyError> {
    match entity {
        AnyEntity::User(entity) => fold(entity, record),
        AnyEntity::Project(entity) => fold(entity, record),
        AnyEntity::System(entity) => fold(entity, record),
        AnyEntity::Listing(entity) => fold(entity, record),
    }
}

fn fold<M: Persistent>(entity: &mut Entity<M>, record: &Record) -> Result<(), ApplyError> {
    // A second record of a version, at a later position, is not a repeat but a fault.
    if record.version <= entity.version && record.position <= entity.position {
        return Ok(());
    }
    if record.version != entity.version.next() {
        let (before, found) = (entity.version, record.version);
        return Err(ApplyError::Gap { entity: record.entity.clone(), before, found });
    }
    let entry: Entry<M> = codec::decode(record.format, &record.core)?;
    entity.apply(&entry, record.at, record.position);
    Ok(())
}

/// The postings of a record's events.
///
/// # Errors
/// The record's bytes are not an entry.
pub fn postings(record: &Record) -> Result<Vec<Posting>, DecodeError> {
    fn of<M: Persistent>(record: &Record) -> Result<Vec<Posting>, DecodeError> {
        let entry: Entry<M> = codec::decode(record.format, &record.core)?;
        let events = entry.events.iter();
        Ok(events.flat_map(|event| M::postings(&record.entity, event)).collect())
    }
    match record.entity.kind {
        Kind::User => of::<User>(record),
        Kind::Project => of::<Project>(record),
        Kind::System => of::<System>(record),
        Kind::Listing => of::<Listing>(record),
    }
}
