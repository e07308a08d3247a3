//! Snapshots: the last known state of each entity.

use std::sync::Arc;

use parking_lot::Mutex;
use priv_domain::Version;
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::machine::Entity;

use crate::codec::{self, FORMAT, Persistent};
use crate::error::StoreError;

/// The most bytes in one value: sled puts larger ones into files that it never syncs.
const MAX_VALUE_BYTES: usize = 100 * 1024;

/// The number of bytes that are written to sled together, roughly.
const BATCH_BYTES: usize = 256 << 10;
/// The number of bytes after which the disk is waited for: sled does not bound what it has on the
/// way there, and writes several times as much as it is given.
const UNFLUSHED_BYTES: usize = 1 << 20;

const STATE: u8 = b's';
const CHUNK: u8 = b'c';
const DUES: u8 = b'd';

/// All snapshots by entity, and the entities with pending work.
#[derive(Clone, Debug)]
pub struct Snapshots {
    tree: sled::Tree,
    /// Held while snapshots are compared with those they replace.
    writing: Arc<Mutex<Writing>>,
}

#[derive(Debug, Default)]
struct Writing {
    unflushed_bytes: usize,
}

/// An encoded state of an entity.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The entity that it is of.
    pub entity: EntityId,
    /// The version of the entity's last entry.
    pub version: Version,
    /// Whether the entity has pending work: then it is activated at every start.
    pub dues: Dues,
    /// The entity's state and answers, in [`FORMAT`].
    pub bytes: Vec<u8>,
}

/// Whether an entity has pending work: messages to send again, or a time at which it wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dues {
    /// There is pending work.
    Some,
    /// There is no pending work.
    None,
}

impl Snapshot {
    /// Encodes the state of an entity.
    pub fn of<M: Persistent>(id: &EntityId, entity: &Entity<M>) -> Self {
        let machine = &entity.machine;
        let idle = machine.wakes_at().is_none() && machine.outstanding(id).is_empty();
        let dues = match idle {
            true => Dues::None,
            false => Dues::Some,
        };
        Self { entity: id.clone(), version: entity.version, dues, bytes: codec::encode(entity) }
    }
}

impl Snapshots {
    pub(crate) fn new(tree: sled::Tree) -> Self {
        Self { tree, writing: Arc::default() }
    }

    /// Keeps snapshots in place of earlier ones, each of them whole or not at all. A snapshot that
    /// is no newer than the one that is kept is left out: an actor that passivates and a checkpoint
    /// may write at the same time.
    ///
    /// The caller makes sure that the journal has on disk all that the snapshots hold. Waits for
    /// the disk from time to time, so that what is on its way there stays small in memory.
    ///
    /// # Errors
    /// sled failed, or a snapshot that is kept is damaged.
    pub fn put_all(&self, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let mut writing = self.writing.lock();
        let mut batch = sled::Batch::default();
        let mut batch_bytes = 0;
        for snapshot in snapshots {
            batch_bytes += self.add_to_batch(snapshot, &mut batch)?;
            if batch_bytes >= BATCH_BYTES {
                self.tree.apply_batch(std::mem::take(&mut batch))?;
                writing.unflushed_bytes += std::mem::take(&mut batch_bytes);
            }
        }
        self.tree.apply_batch(batch)?;
        writing.unflushed_bytes += batch_bytes;
        if writing.unflushed_bytes >= UNFLUSHED_BYTES {
            writing.unflushed_bytes = 0;
            self.tree.flush()?;
        }
        Ok(())
    }

    /// Returns the number of bytes that it added.
    fn add_to_batch(
        &self,
        snapshot: &Snapshot,
        batch: &mut sled::Batch,
    ) -> Result<usize, StoreError> {
        let state_key = key(STATE, &snapshot.entity);
        let mut kept_chunks = 0;
        if let Some(kept) = self.tree.get(&state_key)? {
            let kept = header(&kept)?;
            if kept.version >= snapshot.version {
                return Ok(0);
            }
            kept_chunks = kept.chunks;
        }
        let (first, rest) = snapshot.bytes.split_at(snapshot.bytes.len().min(MAX_VALUE_BYTES));
        let chunks = rest.chunks(MAX_VALUE_BYTES);
        let count = u32::try_from(chunks.len()).expect("a state is far below 400 TB");
        for (index, chunk) in (0u32..).zip(chunks) {
            batch.insert(chunk_key(&snapshot.entity, index), chunk);
        }
        for index in count..kept_chunks {
            batch.remove(chunk_key(&snapshot.entity, index));
        }
        let mut value = Vec::with_capacity(first.len() + 18);
        value.extend(FORMAT.to_be_bytes());
        value.extend(snapshot.version.get().to_be_bytes());
        value.extend(crc32c::crc32c(&snapshot.bytes).to_be_bytes());
        value.extend(count.to_be_bytes());
        value.extend(first);
        let added = state_key.len() + value.len() + rest.len();
        batch.insert(state_key, value);
        match snapshot.dues {
            Dues::Some => batch.insert(key(DUES, &snapshot.entity), &[]),
            Dues::None => batch.remove(key(DUES, &snapshot.entity)),
        }
        Ok(added)
    }

    /// Loads the snapshot of an entity; `None` if it has none.
    ///
    /// # Errors
    /// sled failed, or the bytes are not those that were written.
    pub fn get<M: Persistent>(&self, id: &EntityId) -> Result<Option<Entity<M>>, StoreError> {
        let Some(value) = self.tree.get(key(STATE, id))? else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: "snapshot" };
        let Header { format, crc, chunks, first, .. } = header(&value)?;
        let mut whole = Vec::new();
        let bytes = match chunks {
            0 => first,
            count => {
                whole.extend_from_slice(first);
                for index in 0..count {
                    let chunk = self.tree.get(chunk_key(id, index))?.ok_or_else(damaged)?;
                    whole.extend_from_slice(&chunk);
                }
                &whole
            }
        };
        if crc32c::crc32c(bytes) != crc {
            return Err(damaged());
        }
        Ok(Some(codec::decode(format, bytes)?))
    }

    /// The entities with pending work.
    ///
    /// # Errors
    /// sled failed, or a key is damaged.
    pub fn with_pending_work(&self) -> impl Iterator<Item = Result<EntityId, StoreError>> + use<> {
        self.ids(DUES)
    }

    /// The entities that have a snapshot.
    ///
    /// # Errors
    /// sled failed, or a key is damaged.
    pub fn entities(&self) -> impl Iterator<Item = Result<EntityId, StoreError>> + use<> {
        self.ids(STATE)
    }

    fn ids(&self, prefix: u8) -> impl Iterator<Item = Result<EntityId, StoreError>> + use<> {
        self.tree.scan_prefix([prefix]).keys().map(|key| {
            let key = key?;
            read_key(&key[1..]).ok_or(StoreError::Damaged { what: "snapshot key" })
        })
    }
}

/// The header of a snapshot, with the first of its bytes.
struct Header<'a> {
    format: u16,
    version: Version,
    crc: u32,
    chunks: u32,
    first: &'a [u8],
}

fn header(value: &[u8]) -> Result<Header<'_>, StoreError> {
    let damaged = || StoreError::Damaged { what: "snapshot" };
    let (format, value) = value.split_first_chunk::<2>().ok_or_else(damaged)?;
    let (version, value) = value.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (crc, value) = value.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (chunks, first) = value.split_first_chunk::<4>().ok_or_else(damaged)?;
    Ok(Header {
        format: u16::from_be_bytes(*format),
        version: Version::new(u64::from_be_bytes(*version)),
        crc: u32::from_be_bytes(*crc),
        chunks: u32::from_be_bytes(*chunks),
        first,
    })
}

fn key(prefix: u8, id: &EntityId) -> Vec<u8> {
    let mut key = vec![prefix];
    put_entity(id, &mut key);
    key
}

fn chunk_key(id: &EntityId, index: u32) -> Vec<u8> {
    let mut key = vec![CHUNK];
    put_entity(id, &mut key);
    // An entity's key holds no NUL, so no other entity's chunks come between.
    key.push(0);
    key.extend(index.to_be_bytes());
    key
}

/// Appends environment, kind and key. Entities of a kind sort by their keys.
pub(crate) fn put_entity(id: &EntityId, out: &mut Vec<u8>) {
    out.push(environment_byte(id.environment));
    out.push(match id.kind {
        Kind::User => 0,
        Kind::Project => 1,
        Kind::System => 2,
        Kind::Listing => 3,
    });
    out.extend_from_slice(id.key.as_bytes());
}

pub(crate) fn environment_byte(environment: Environment) -> u8 {
    match environment {
        Environment::Live => 0,
        Environment::Test => 1,
    }
}

/// Reads what [`put_entity`] wrote; `None` if it wrote no such bytes.
pub(crate) fn read_key(bytes: &[u8]) -> Option<EntityId> {
    let (&[environment, kind], key) = bytes.split_first_chunk::<2>()?;
    let environment = Environment::ALL.into_iter().find(|w| environment_byte(*w) == environment)?;
    let kind = *Kind::ALL.get(usize::from(kind))?;
    Some(EntityId { environment, kind, key: std::str::from_utf8(key).ok()?.into() })
}

#[cfg(test)]
mod tests {
    use priv_domain::user::{Event, User};
    use priv_domain::{EventKey, EventType, Position, ProjectId, Timestamp, UserRef};

    use super::*;
    use crate::store::Store;

    fn busy_user(version: u64, events: u128) -> Entity<User> {
        let event = Event::EventsRecorded {
            project: ProjectId::new(1),
            events: (0..events)
                .map(|key| (EventKey(key), EventType::Track, Timestamp::EPOCH))
                .collect(),
            earned: priv_domain::Micros::new(5),
        };
        let entry = priv_domain::machine::Entry {
            events: vec![event],
            answered: None,
            raw_events: Vec::new(),
        };
        let before = Version::new(version - 1);
        let mut user = Entity { version: before, ..Entity::default() };
        user.apply(&entry, Timestamp::from_millis(1), Position::new(9));
        user
    }

    #[test]
    fn small_and_large_states_are_read_back_and_damage_is_seen() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (store, _) = Store::open(dir.path(), 1 << 20).expect("opens");
        let id = EntityId::user(Environment::Live, &UserRef::Person("someone".into()));
        assert_eq!(store.snapshots.get::<User>(&id).expect("reads"), None);
        for (version, events) in [(1, 1), (2, 30_000), (3, 2)] {
            let user = busy_user(version, events);
            store.snapshots.put_all(&[Snapshot::of(&id, &user)]).expect("writes");
            assert_eq!(store.snapshots.get(&id).expect("reads"), Some(user));
        }
        store.snapshots.put_all(&[Snapshot::of(&id, &busy_user(2, 9))]).expect("is left out");
        assert_eq!(store.snapshots.get(&id).expect("reads"), Some(busy_user(3, 2)));
        let mut value =
            store.snapshots.tree.get(key(STATE, &id)).expect("reads").expect("is").to_vec();
        let last = value.len() - 1;
        value[last] ^= 1;
        store.snapshots.tree.insert(key(STATE, &id), value).expect("writes");
        assert!(matches!(
            store.snapshots.get::<User>(&id),
            Err(StoreError::Damaged { what: "snapshot" })
        ));
    }
}
