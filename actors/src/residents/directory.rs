//! Who is where: the resident actors of one kind.
//!
//! An entity has at most one active actor. A message to one that is not resident activates it. An
//! actor that goes keeps its snapshot first, then leaves the directory, and passes on what still
//! reaches it; so a message is never lost between two lives, and two lives never overlap.

#![expect(
    clippy::result_large_err,
    reason = "what was not taken goes back whole; boxing it would cost each message an allocation"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::Addr;
use actix::prelude::SendError;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use priv_domain::entity::Kind;
use priv_domain::{EntityId, Timestamp};
use priv_store::snapshots::Snapshot;

use crate::entity::actor::{EntityActor, Hosted, MAILBOX, NEW_ACTOR_BYTES, Surroundings};
use crate::entity::context;
use crate::entity::message::ActorMessage;
use crate::entity::tracker::Tracker;
use crate::host::Host;

/// The resident actors of one kind.
pub struct Directory<M: Hosted> {
    slots: DashMap<EntityId, Slot<M>>,
    activations: AtomicU64,
    passivations: AtomicU64,
}

struct Slot<M: Hosted> {
    address: Addr<EntityActor<M>>,
    tracker: Arc<Tracker>,
}

/// The message was not taken: the mailbox is full, or there is no memory for another actor.
pub(crate) struct Full<M: Hosted>(pub(crate) ActorMessage<M>);

/// What operators see of one resident actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResidentActor {
    /// Who.
    pub id: EntityId,
    /// Messages in its mailbox.
    pub queued: u32,
    /// Memory, in bytes, about.
    pub bytes: u32,
    /// Since when it is resident.
    pub since: Timestamp,
    /// The longest that one message took, in microseconds.
    pub slowest_micros: u32,
}

/// What operators see of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryStats {
    /// Actors in memory.
    pub resident: usize,
    /// Memory, in bytes, about.
    pub bytes: u64,
    /// Actors that were started.
    pub activations: u64,
    /// Actors that went.
    pub passivations: u64,
    /// Messages in all mailboxes.
    pub queued: u64,
    /// The slowest, the slowest first.
    pub slowest: Vec<ResidentActor>,
    /// The largest, the largest first.
    pub largest: Vec<ResidentActor>,
}

/// Actors that are named in the statistics.
const NAMED: usize = 5;

impl<M: Hosted> Default for Directory<M> {
    fn default() -> Self {
        Self {
            slots: DashMap::new(),
            activations: AtomicU64::new(0),
            passivations: AtomicU64::new(0),
        }
    }
}

impl<M: Hosted> Directory<M> {
    /// Puts a message into an actor's mailbox, and activates the actor if need be, in
    /// `surroundings`.
    pub(crate) fn post(
        &self,
        host: &Host,
        surroundings: impl FnOnce() -> Arc<dyn Surroundings<M>>,
        id: &EntityId,
        actor_message: ActorMessage<M>,
    ) -> Result<(), Full<M>> {
        let now = host.ticks();
        // Most often it is resident: nothing is cloned, and the shard is only read.
        let actor_message = match self.slots.get(id) {
            Some(slot) => match slot.post(actor_message, now) {
                Ok(()) => return Ok(()),
                Err(SendError::Full(actor_message)) => return Err(Full(actor_message)),
                Err(SendError::Closed(actor_message)) => actor_message,
            },
            None => actor_message,
        };
        match self.slots.entry(id.clone()) {
            Entry::Occupied(mut occupied) => match occupied.get().post(actor_message, now) {
                Ok(()) => Ok(()),
                Err(SendError::Full(actor_message)) => Err(Full(actor_message)),
                // Only where the arbiter was stopped: the process is stopping.
                Err(SendError::Closed(actor_message)) => {
                    host.add_resident_bytes(i64::from(NEW_ACTOR_BYTES));
                    let slot = self.activate(host, surroundings(), id);
                    let posted = slot.post(actor_message, now);
                    occupied.insert(slot);
                    posted.map_err(|error| Full(error.into_inner()))
                }
            },
            // Those whom others wait for come in all the same: they let memory go.
            Entry::Vacant(_) if id.kind == Kind::User && !host.takes_room(NEW_ACTOR_BYTES) => {
                Err(Full(actor_message))
            }
            Entry::Vacant(vacant) => {
                if id.kind != Kind::User {
                    host.add_resident_bytes(i64::from(NEW_ACTOR_BYTES));
                }
                let slot = vacant.insert(self.activate(host, surroundings(), id));
                slot.post(actor_message, now).map_err(|error| Full(error.into_inner()))
            }
        }
    }

    /// Puts a message into the mailbox of an actor that is there; drops it where none is.
    pub(crate) fn post_if_resident(
        &self,
        id: &EntityId,
        actor_message: ActorMessage<M>,
    ) -> Result<(), Full<M>> {
        match self.slots.get(id).map(|slot| slot.post_unseen(actor_message)) {
            Some(Err(SendError::Full(actor_message))) => Err(Full(actor_message)),
            Some(Ok(()) | Err(SendError::Closed(_))) | None => Ok(()),
        }
    }

    /// Notes that a snapshot is kept.
    pub(crate) fn kept(&self, snapshot: &Snapshot) {
        if let Some(slot) = self.slots.get(&snapshot.entity) {
            slot.tracker.kept(snapshot.version);
        }
    }

    /// Actors in memory.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// Actors that were started, and those that went.
    #[must_use]
    pub fn lives(&self) -> (u64, u64) {
        (self.activations.load(Ordering::Relaxed), self.passivations.load(Ordering::Relaxed))
    }

    fn activate(
        &self,
        host: &Host,
        surroundings: Arc<dyn Surroundings<M>>,
        id: &EntityId,
    ) -> Slot<M> {
        self.activations.fetch_add(1, Ordering::Relaxed);
        let tracker = Arc::new(Tracker::new(host.clock.now()));
        // Counted by the caller before it says how large it is: many may be let in at once.
        tracker.set_bytes(NEW_ACTOR_BYTES);
        let actor = EntityActor::new(id.clone(), surroundings, tracker.clone());
        let address = context::start(host.thread(id), MAILBOX, actor);
        Slot { address, tracker }
    }

    /// Takes an actor that has gone out, unless another has its place already.
    pub(crate) fn retire(&self, id: &EntityId, tracker: &Arc<Tracker>) {
        let own = |_: &EntityId, slot: &Slot<M>| Arc::ptr_eq(&slot.tracker, tracker);
        if self.slots.remove_if(id, own).is_some() {
            self.passivations.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether an entity is resident.
    #[must_use]
    pub fn is_resident(&self, id: &EntityId) -> bool {
        self.slots.contains_key(id)
    }

    /// What is known of one resident actor.
    #[must_use]
    pub fn resident(&self, id: &EntityId) -> Option<ResidentActor> {
        self.slots.get(id).map(|slot| slot.described(id))
    }

    /// Those that were not used after a moment, with their size.
    pub(crate) fn unused(&self, since: u32) -> Vec<(EntityId, u32)> {
        let unused = self.slots.iter().filter(|slot| slot.tracker.last_used_ticks() <= since);
        unused.map(|slot| (slot.key().clone(), slot.tracker.bytes())).collect()
    }

    /// Gives back the room of those that went, if that is most of it.
    pub(crate) fn give_memory_back(&self) {
        if self.slots.capacity() / 4 > self.slots.len() {
            self.slots.shrink_to_fit();
        }
    }

    /// Those that changed since their last snapshot.
    pub(crate) fn changed(&self) -> Vec<EntityId> {
        let changed = self.slots.iter().filter(|slot| slot.tracker.is_changed());
        changed.map(|slot| slot.key().clone()).collect()
    }

    /// Calls `see` with each actor's last use and size.
    pub(crate) fn ages(&self, mut see: impl FnMut(u32, u32)) {
        for slot in self.slots.iter().filter(|slot| !slot.tracker.is_held()) {
            see(slot.tracker.last_used_ticks(), slot.tracker.bytes());
        }
    }

    /// Sums over all, and the few that stand out. Looks at every resident actor.
    #[must_use]
    pub fn stats(&self) -> DirectoryStats {
        let mut all = Vec::with_capacity(self.slots.len());
        all.extend(self.slots.iter().map(|slot| slot.described(slot.key())));
        let mut stats = DirectoryStats {
            resident: all.len(),
            bytes: all.iter().map(|actor| u64::from(actor.bytes)).sum(),
            activations: self.activations.load(Ordering::Relaxed),
            passivations: self.passivations.load(Ordering::Relaxed),
            queued: all.iter().map(|actor| u64::from(actor.queued)).sum(),
            ..DirectoryStats::default()
        };
        stats.slowest = most(&mut all, |actor| actor.slowest_micros);
        stats.largest = most(&mut all, |actor| actor.bytes);
        stats
    }
}

fn most(all: &mut [ResidentActor], by: impl Fn(&ResidentActor) -> u32) -> Vec<ResidentActor> {
    let named = NAMED.min(all.len());
    if named > 0 {
        all.select_nth_unstable_by_key(named - 1, |actor| std::cmp::Reverse(by(actor)));
    }
    let mut named = all[..named].to_vec();
    named.sort_by_key(|actor| std::cmp::Reverse(by(actor)));
    named
}

impl<M: Hosted> Slot<M> {
    fn post(
        &self,
        actor_message: ActorMessage<M>,
        now: u32,
    ) -> Result<(), SendError<ActorMessage<M>>> {
        self.tracker.touch(now);
        self.post_unseen(actor_message)
    }

    /// Without counting as a use.
    fn post_unseen(
        &self,
        actor_message: ActorMessage<M>,
    ) -> Result<(), SendError<ActorMessage<M>>> {
        self.tracker.queue();
        self.address.try_send(actor_message).inspect_err(|_| self.tracker.taken())
    }

    fn described(&self, id: &EntityId) -> ResidentActor {
        ResidentActor {
            id: id.clone(),
            queued: self.tracker.queued(),
            bytes: self.tracker.bytes(),
            since: self.tracker.since(),
            slowest_micros: self.tracker.slowest_micros(),
        }
    }
}
