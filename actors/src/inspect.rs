//! Looking into a node, for operators: its numbers, one entity's state, one entity's past.

use priv_domain::entity::{EntityId, Kind};
use priv_domain::journal_point::PointInTime;
use priv_domain::listing::Listing;
use priv_domain::machine::Entry;
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::{User, UserMoney};
use priv_domain::{AnyEntity, Position, RawEvent, Timestamp, Version};
use priv_journal::{Personal, Record};
use priv_store::codec::Persistent;
use priv_store::history::{self, HistoryError};
use priv_store::{any_entity, codec};

use crate::ask::AskError;
use crate::node::Node;
use crate::of_kind::of_kind;
use crate::queries::ProjectorStopped;
use crate::residents::delivery::Resident;
use crate::residents::directory::{DirectoryStats, ResidentActor};

/// Records of one stream that are read for one page.
pub const MAX_PAGE: usize = 100;

/// The journal's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalNumbers {
    /// The last position given out.
    pub appended: u64,
    /// The last position on disk.
    pub durable: u64,
    /// Up to where the lists hold everything.
    pub projected: u64,
    /// Up to where the store was put on disk.
    pub checkpointed: u64,
    /// The chain up to the last durable position, in hex.
    pub chain_head: String,
    /// Groups written since the start.
    pub groups: u64,
    /// Records in the recent groups: last, mean, most.
    pub group_records: [u64; 3],
    /// Bytes of the recent groups: last, mean, most.
    pub group_bytes: [u64; 3],
    /// Half of the recent syncs took at most this.
    pub sync_p50_micros: u64,
    /// 99 of 100 recent syncs took at most this.
    pub sync_p99_micros: u64,
    /// The longest recent sync.
    pub sync_max_micros: u64,
    /// Segments, archived ones included.
    pub segments: u64,
    /// Archived segments.
    pub archived_segments: u64,
    /// Bytes on disk.
    pub bytes_on_disk: u64,
}

/// An entity as it is now.
#[derive(Debug)]
pub struct EntityNow {
    /// Its state.
    pub entity: AnyEntity,
    /// Where its last record stands.
    pub position: Position,
    /// Where the last record in its snapshot stands; zero if it has none.
    pub snapshot_position: Position,
    /// As an actor; `None` if it has gone meanwhile.
    pub actor: Option<ResidentActor>,
}

/// One record of an entity's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEntry {
    /// Its place in the journal.
    pub position: Position,
    /// Its place in the stream.
    pub version: Version,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub events: AnyEvents,
    /// What is about a person.
    pub raw_events: PastRawEvents,
}

/// The events of a record, by kind of entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyEvents {
    /// A user's.
    User(Vec<priv_domain::user::Event>),
    /// A project's.
    Project(Vec<priv_domain::project::Event>),
    /// The system's.
    System(Vec<priv_domain::system::Event>),
    /// A listing's.
    Listing(Vec<priv_domain::listing::Event>),
}

/// The personal part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastRawEvents {
    /// There is none.
    None,
    /// These.
    Present(Vec<RawEvent>),
    /// They were taken out.
    Erased,
}

/// Why an entity can't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It never had a record.
    #[error("there is no such entity")]
    NoSuchEntity,
    /// The node is full or stopping.
    #[error("the node is full or stopping")]
    Busy,
    /// Its past can't be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A record can't be read.
    #[error(transparent)]
    Decode(#[from] codec::DecodeError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] priv_store::StoreError),
}

impl<R> From<AskError<R>> for InspectError {
    fn from(_: AskError<R>) -> Self {
        Self::Busy
    }
}

impl From<ProjectorStopped> for InspectError {
    fn from(_: ProjectorStopped) -> Self {
        Self::Busy
    }
}

impl Node {
    /// The numbers of each kind's actors. Looks at every resident actor.
    #[must_use]
    pub fn actor_stats(&self) -> [(Kind, DirectoryStats); 4] {
        let here = self.residents();
        [
            (Kind::User, here.users.stats()),
            (Kind::Project, here.projects.stats()),
            (Kind::System, here.systems.stats()),
            (Kind::Listing, here.listings.stats()),
        ]
    }

    /// Of each kind: actors in memory, started and gone since the start. Cheap.
    #[must_use]
    pub fn actor_counts(&self) -> [(Kind, usize, (u64, u64)); 4] {
        let here = self.residents();
        [
            (Kind::User, here.users.count(), here.users.lives()),
            (Kind::Project, here.projects.count(), here.projects.lives()),
            (Kind::System, here.systems.count(), here.systems.lives()),
            (Kind::Listing, here.listings.count(), here.listings.lives()),
        ]
    }

    /// The journal's numbers.
    #[must_use]
    pub fn journal_stats(&self) -> JournalNumbers {
        let stats = self.journal().stats();
        let checkpoint = self.store().checkpoint().unwrap_or(Position::ZERO);
        JournalNumbers {
            appended: stats.appended.get(),
            durable: stats.durable.get(),
            projected: self.projection().projected().get(),
            checkpointed: checkpoint.get(),
            chain_head: stats.chain_head,
            groups: stats.groups,
            group_records: spread(stats.group_records),
            group_bytes: spread(stats.group_bytes),
            sync_p50_micros: stats.sync.p50_micros,
            sync_p99_micros: stats.sync.p99_micros,
            sync_max_micros: stats.sync.max_micros,
            segments: stats.segments,
            archived_segments: stats.archived_segments,
            bytes_on_disk: stats.bytes_on_disk,
        }
    }

    /// An entity as it is now, all of it durable.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn entity_now(&self, id: &EntityId) -> Result<EntityNow, InspectError> {
        // An entity that never was is not activated for a look.
        if !self.is_resident(id) && !self.has_entity(id).await? {
            return Err(InspectError::NoSuchEntity);
        }
        let entity = match id.kind {
            Kind::User => self.clone_of::<User>(id, AnyEntity::User).await?,
            Kind::Project => self.clone_of::<Project>(id, AnyEntity::Project).await?,
            Kind::System => self.clone_of::<System>(id, AnyEntity::System).await?,
            Kind::Listing => self.clone_of::<Listing>(id, AnyEntity::Listing).await?,
        };
        if entity.version() == Version::ZERO {
            return Err(InspectError::NoSuchEntity);
        }
        let snapshot = any_entity::load(&self.store().snapshots, id)?;
        let actor = of_kind!(id.kind, M => M::directory(self.residents()).resident(id));
        Ok(EntityNow {
            position: entity.position(),
            snapshot_position: snapshot.map_or(Position::ZERO, |entity| entity.position()),
            entity,
            actor,
        })
    }

    /// Whether an entity has a record.
    ///
    /// # Errors
    /// The store can't be read, or the projector has stopped.
    pub async fn has_entity(&self, id: &EntityId) -> Result<bool, InspectError> {
        self.when_projected(self.durable()).await?;
        Ok(self.store().views.has_entity(id)?)
    }

    /// Whether a content is needed: by a contribution, or by somebody who bought it.
    ///
    /// # Errors
    /// The store can't be read, a listing is busy, or the projector has stopped.
    pub async fn is_content_needed(&self, sha256: [u8; 32]) -> Result<bool, InspectError> {
        self.when_projected(self.durable()).await?;
        let views = &self.store().views;
        if views.is_contributed(&sha256)? {
            return Ok(true);
        }
        for listing in views.listings_with(&sha256)? {
            let sold = move |listing: &priv_domain::Entity<Listing>| {
                let contents = listing.machine.offer.iter().flat_map(|offer| &offer.contents);
                contents
                    .filter(|contents| contents.sales > 0)
                    .any(|contents| contents.files.iter().any(|file| file.sha256 == sha256))
            };
            if self.read_durable::<Listing, _>(&listing, sold).await?.reply {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an entity has an actor now.
    #[must_use]
    pub fn is_resident(&self, id: &EntityId) -> bool {
        of_kind!(id.kind, M => M::directory(self.residents()).is_resident(id))
    }

    async fn clone_of<M: Resident>(
        &self,
        id: &EntityId,
        wrap: impl FnOnce(Box<priv_domain::Entity<M>>) -> AnyEntity,
    ) -> Result<AnyEntity, InspectError> {
        let entity = self.read_durable::<M, _>(id, |entity| entity.clone()).await?.reply;
        Ok(wrap(Box::new(entity)))
    }

    /// An entity's state at a moment, and where its last record then stood. Reads the journal:
    /// call where blocking is allowed.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub fn entity_at(
        &self,
        id: &EntityId,
        head: Position,
        moment: PointInTime,
    ) -> Result<(AnyEntity, Position), InspectError> {
        Ok(history::state_at(self.journal(), id, head, moment)?)
    }

    /// Records of an entity's stream, newest first, from the one at `head`. Reads the journal:
    /// call where blocking is allowed.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub fn past_of(
        &self,
        id: &EntityId,
        head: Position,
        limit: usize,
    ) -> Result<Vec<PastEntry>, InspectError> {
        let records = history::backwards(self.journal(), id, head);
        records.take(limit.min(MAX_PAGE)).map(|record| past_entry(&record?)).collect()
    }
}

fn spread(spread: priv_journal::Spread) -> [u64; 3] {
    [spread.last, spread.mean, spread.max]
}

fn past_entry(record: &Record) -> Result<PastEntry, InspectError> {
    fn events<M: Persistent>(record: &Record) -> Result<Vec<M::Event>, codec::DecodeError> {
        let entry: Entry<M> = codec::decode(record.format, &record.core)?;
        Ok(entry.events)
    }
    let events = match record.entity.kind {
        Kind::User => AnyEvents::User(events::<User>(record)?),
        Kind::Project => AnyEvents::Project(events::<Project>(record)?),
        Kind::System => AnyEvents::System(events::<System>(record)?),
        Kind::Listing => AnyEvents::Listing(events::<Listing>(record)?),
    };
    let raw_events = match &record.personal {
        Personal::Absent => PastRawEvents::None,
        Personal::Present(bytes) => PastRawEvents::Present(codec::decode(record.format, bytes)?),
        Personal::Erased(_) => PastRawEvents::Erased,
    };
    let Record { position, version, at, .. } = *record;
    Ok(PastEntry { position, version, at, events, raw_events })
}

/// Changes that are looked for in the journal when a stream is resumed.
const MAX_MISSED: usize = 1_000;
/// Records that are read for them.
const MAX_LOOKED_AT: usize = 5_000;

impl Node {
    /// What a user had after each record since `since` that changed it, oldest first, found by
    /// taking back from `now` what each record did. After too many, only `now`. Reads the
    /// journal: call where blocking is allowed.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub fn money_since(
        &self,
        id: &EntityId,
        now: UserMoney,
        since: Version,
    ) -> Result<Vec<UserMoney>, InspectError> {
        let mut money = now;
        let mut changes = Vec::new();
        let records = history::backwards(self.journal(), id, now.position);
        for (index, record) in records.enumerate() {
            if index >= MAX_LOOKED_AT {
                return Ok(vec![now]);
            }
            let record = record?;
            if record.version <= since {
                break;
            }
            if changes.len() >= MAX_MISSED {
                return Ok(vec![now]);
            }
            let entry: Entry<User> = codec::decode(record.format, &record.core)?;
            money.version = record.version;
            money.position = record.position;
            let before = entry.events.iter().rev().fold(money, UserMoney::before);
            if before.differs_from(&money) {
                changes.push(money);
            }
            money = before;
        }
        changes.reverse();
        Ok(changes)
    }
}
