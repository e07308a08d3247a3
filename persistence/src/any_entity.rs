//! An entity of whichever kind a record is about.

use priv_domain::entity::{EntityId, Kind};
use priv_domain::journal_point::{Position, Version};
use priv_domain::ledger::{AccountClass, Posting, TrialBalance};
use priv_domain::listing::Listing;
use priv_domain::machine::{Entity, EntryOf, Machine};
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;

use crate::codec::{self, DecodeError, Stored};
use crate::journal::Record;
use crate::snapshots::{Snapshot, Snapshots};
use crate::store::StoreError;

/// An entity of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyEntity {
    /// A user.
    User(Box<Entity<User>>),
    /// A project.
    Project(Box<Entity<Project>>),
    /// The system.
    System(Box<Entity<System>>),
    /// A listing.
    Listing(Box<Entity<Listing>>),
}

/// Why a record can't be folded into its entity.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Its bytes are not an entry.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is not the one that follows.
    #[error("version {found} of a {} follows version {before}", entity.kind.as_str())]
    Gap {
        /// Whose.
        entity: EntityId,
        /// The version before.
        before: Version,
        /// The record's.
        found: Version,
    },
}

macro_rules! each {
    ($any:expr, $entity:ident => $body:expr) => {
        match $any {
            AnyEntity::User($entity) => $body,
            AnyEntity::Project($entity) => $body,
            AnyEntity::System($entity) => $body,
            AnyEntity::Listing($entity) => $body,
        }
    };
}

impl AnyEntity {
    /// Before its first entry.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User(Box::default()),
            Kind::Project => Self::Project(Box::default()),
            Kind::System => Self::System(Box::default()),
            Kind::Listing => Self::Listing(Box::default()),
        }
    }

    /// As the store has it; `None` if it has none.
    ///
    /// # Errors
    /// See [`Snapshots::get`].
    pub fn load(snapshots: &Snapshots, id: &EntityId) -> Result<Option<Self>, StoreError> {
        Ok(match id.kind {
            Kind::User => snapshots.get(id)?.map(|entity| Self::User(Box::new(entity))),
            Kind::Project => snapshots.get(id)?.map(|entity| Self::Project(Box::new(entity))),
            Kind::System => snapshots.get(id)?.map(|entity| Self::System(Box::new(entity))),
            Kind::Listing => snapshots.get(id)?.map(|entity| Self::Listing(Box::new(entity))),
        })
    }

    /// The version of its last entry.
    #[must_use]
    pub fn version(&self) -> Version {
        each!(self, entity => entity.version)
    }

    /// Where its last entry stands in the journal.
    #[must_use]
    pub fn position(&self) -> Position {
        each!(self, entity => entity.position)
    }

    /// Folds a record in; what it holds already is left out.
    ///
    /// # Errors
    /// The record is damaged, or one before it is missing.
    pub fn apply(&mut self, record: &Record) -> Result<(), ApplyError> {
        each!(self, entity => apply(entity, record))
    }

    /// As a snapshot.
    #[must_use]
    pub fn snapshot(&self, id: &EntityId) -> Snapshot {
        each!(self, entity => Snapshot::of(id, entity))
    }

    /// Adds what its state holds to sums by account class. In flight is left out: it is known
    /// from the postings only, since payer and payee each see one side.
    pub fn add_holdings(&self, sums: &mut TrialBalance) {
        match self {
            Self::User(user) => {
                sums.add(AccountClass::User, user.machine.available.get().into());
                sums.add(AccountClass::Proceeds, user.machine.unclaimed_sales().get().into());
            }
            Self::Listing(listing) => {
                sums.add(AccountClass::Listing, listing.machine.due.total().get().into());
            }
            Self::Project(project) => {
                sums.add(AccountClass::Budget, project.machine.available.get().into());
            }
            Self::System(system) => {
                let System { minted, burned, treasury, pool, stakers, .. } = &system.machine;
                sums.add(AccountClass::Minted, -i128::from(minted.get()));
                sums.add(AccountClass::Burned, burned.get().into());
                sums.add(AccountClass::Treasury, treasury.get().into());
                sums.add(AccountClass::Pool, pool.get().into());
                sums.add(AccountClass::Stakers, stakers.get().into());
            }
        }
    }
}

fn apply<M>(entity: &mut Entity<M>, record: &Record) -> Result<(), ApplyError>
where
    M: Machine,
    M::Event: Stored,
    M::Reply: Stored,
{
    // What the state holds already is skipped; a second record of a version is no repeat.
    if record.version <= entity.version && record.position <= entity.position {
        return Ok(());
    }
    if record.version != entity.version.next() {
        let (before, found) = (entity.version, record.version);
        return Err(ApplyError::Gap { entity: record.entity.clone(), before, found });
    }
    let entry: EntryOf<M> = codec::decode(record.format, &record.core)?;
    entity.apply(&entry, record.at, record.position);
    Ok(())
}

/// How a record moves money.
///
/// # Errors
/// Its bytes are not an entry.
pub fn postings(record: &Record) -> Result<Vec<Posting>, DecodeError> {
    fn of<M>(record: &Record) -> Result<Vec<Posting>, DecodeError>
    where
        M: Machine,
        M::Event: Stored,
        M::Reply: Stored,
    {
        let entry: EntryOf<M> = codec::decode(record.format, &record.core)?;
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
