//! An entity of any kind, for code that handles all kinds alike: replay, verification, inspection.

use crate::entity::Kind;
use crate::journal_point::{Position, Version};
use crate::ledger::{AccountClass, TrialBalance};
use crate::listing::Listing;
use crate::machine::Entity;
use crate::project::Project;
use crate::system::System;
use crate::user::User;

/// An entity of any kind, with its version and its remembered answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyEntity {
    /// A user and what they have, see [`User`].
    User(Box<Entity<User>>),
    /// A project and its budget, see [`Project`].
    Project(Box<Entity<Project>>),
    /// The system of an environment, see [`System`].
    System(Box<Entity<System>>),
    /// A listing and its sales, see [`Listing`].
    Listing(Box<Entity<Listing>>),
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
    /// An entity as it is before its first entry.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User(Box::default()),
            Kind::Project => Self::Project(Box::default()),
            Kind::System => Self::System(Box::default()),
            Kind::Listing => Self::Listing(Box::default()),
        }
    }

    /// The version of its last entry.
    #[must_use]
    pub fn version(&self) -> Version {
        each!(self, entity => entity.version)
    }

    /// The journal position of its last entry.
    #[must_use]
    pub fn position(&self) -> Position {
        each!(self, entity => entity.position)
    }

    /// Adds what the entity holds to `sums`, by account class. Money in flight is left out: each
    /// end of a transfer knows its own side only, so that sum comes from postings alone.
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
                sums.add(AccountClass::Minted, i128::from(minted.get()).saturating_neg());
                sums.add(AccountClass::Burned, burned.get().into());
                sums.add(AccountClass::Treasury, treasury.get().into());
                sums.add(AccountClass::Pool, pool.get().into());
                sums.add(AccountClass::Stakers, stakers.get().into());
            }
        }
    }
}
