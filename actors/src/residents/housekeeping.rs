//! What goes on in the background: actors that are not needed go, and the store is brought up to
//! date from time to time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use priv_domain::listing::Listing;
use priv_domain::project::Project;
use priv_domain::system::System;
use priv_domain::user::User;
use priv_domain::{EntityId, Position};
use tokio::sync::{Notify, oneshot};

use crate::directory::Full;
use crate::entity_actor::ActorMessage;
use crate::node::{Node, Resident, TRY_AGAIN};
use crate::passivation::passivate_unused;

/// Time between looks at who is idle.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Snapshots that are asked for at once.
const SNAPSHOTS_AT_ONCE: usize = 512;

/// Reaches the housekeeper from anywhere.
#[derive(Debug)]
pub(crate) struct Housekeeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    memory_is_short: Notify,
    stop: AtomicBool,
}

/// The housekeeper's own side.
pub(crate) struct Housekeeping {
    shared: Arc<Shared>,
}

impl Housekeeper {
    pub(crate) fn new() -> (Self, Housekeeping) {
        let shared = Arc::new(Shared::default());
        let thread = Mutex::new(None);
        (Self { shared: shared.clone(), thread }, Housekeeping { shared })
    }

    pub(crate) fn memory_is_short(&self) {
        self.shared.memory_is_short.notify_one();
    }

    pub(crate) fn is_run_by(&self, thread: JoinHandle<()>) {
        *self.thread.lock() = Some(thread);
    }

    /// Tells it to stop; whoever wants to be sure that it has joins its thread.
    pub(crate) fn stop(&self) -> Option<JoinHandle<()>> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.memory_is_short.notify_one();
        self.thread.lock().take()
    }
}

impl Housekeeping {
    /// Works until the node stops or is gone.
    pub(crate) fn run(self, node: &Weak<Node>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.work(node)),
            Err(error) => tracing::error!(%error, "no housekeeping: the system gives no timer"),
        }
    }

    async fn work(self, node: &Weak<Node>) {
        let mut checkpointed = Instant::now();
        loop {
            let memory_is_short = self.shared.memory_is_short.notified();
            // Either is a reason to look.
            let _ = tokio::time::timeout(SWEEP_EVERY, memory_is_short).await;
            let Some(node) = node.upgrade() else { return };
            if self.shared.stop.load(Ordering::SeqCst) {
                return;
            }
            sweep(&node).await;
            if checkpointed.elapsed() >= node.options().checkpoint_every {
                checkpoint(&node).await;
                checkpointed = Instant::now();
            }
        }
    }
}

/// Asks those who are idle to go, and above the memory budget those who were used least recently.
async fn sweep(node: &Arc<Node>) {
    let idle = node.ticks().checked_sub(Node::ticks_of(node.options().idle));
    let unused_since = match (idle, cutoff_for_memory(node)) {
        (Some(idle), Some(memory)) => idle.max(memory),
        (Some(cutoff), None) | (None, Some(cutoff)) => cutoff,
        (None, None) => return,
    };
    passivate_unused::<User>(node, unused_since).await;
    passivate_unused::<Project>(node, unused_since).await;
    passivate_unused::<Listing>(node, unused_since).await;
}

/// The moment whose users must have gone for a quarter of the budget to be free; `None` while an
/// eighth of it is.
fn cutoff_for_memory(node: &Node) -> Option<u32> {
    let budget = node.options().resident_bytes;
    let resident = node.resident_bytes();
    if resident <= budget - budget / 8 {
        return None;
    }
    let mut by_age: BTreeMap<u32, u64> = BTreeMap::new();
    let mut see = |used, bytes| *by_age.entry(used).or_default() += u64::from(bytes);
    node.users.ages(&mut see);
    node.projects.ages(&mut see);
    node.listings.ages(&mut see);
    let mut excess = resident.saturating_sub(budget - budget / 4);
    for (used, bytes) in by_age {
        if bytes >= excess {
            return Some(used);
        }
        excess -= bytes;
    }
    Some(node.ticks())
}

/// Keeps snapshots of all that changed, waits for the projector, and notes the position up to
/// which the store then holds everything.
pub(crate) async fn checkpoint(node: &Arc<Node>) {
    let began = Instant::now();
    // What is durable now is in the state of an actor, or in a snapshot that one left.
    let position = node.journal().durable();
    let kept = [
        keep_changed::<User>(node).await,
        keep_changed::<Project>(node).await,
        keep_changed::<System>(node).await,
        keep_changed::<Listing>(node).await,
    ];
    if kept.contains(&Persistent::Stopped) {
        return;
    }
    node.projection().when_projected(position).await;
    match node.store().set_checkpoint(position) {
        Ok(()) => tracing::debug!(
            position = position.get(),
            millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "checkpoint"
        ),
        Err(error) => node.store_is_broken(&error),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persistent {
    All,
    Stopped,
}

async fn keep_changed<M: Resident>(node: &Arc<Node>) -> Persistent {
    for ids in M::directory(node).changed().chunks(SNAPSHOTS_AT_ONCE) {
        if keep_some::<M>(node, ids).await == Persistent::Stopped {
            return Persistent::Stopped;
        }
    }
    Persistent::All
}

async fn keep_some<M: Resident>(node: &Arc<Node>, ids: &[EntityId]) -> Persistent {
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        let (reply, answer) = oneshot::channel();
        let mut actor_message = ActorMessage::Snapshot(reply);
        // One that has gone since has kept its own, and is not activated for this.
        while let Err(Full(full)) = M::directory(node).post_if_resident(id, actor_message) {
            actor_message = full;
            tokio::time::sleep(TRY_AGAIN).await;
        }
        asked.push(answer);
    }
    let mut snapshots = Vec::with_capacity(asked.len());
    let mut last = Position::ZERO;
    for answer in asked {
        // One that has gone since has kept its own.
        if let Ok(Some((snapshot, position))) = answer.await {
            last = last.max(position);
            snapshots.push(snapshot);
        }
    }
    if node.journal().when_durable(last).await.is_err() {
        return Persistent::Stopped;
    }
    if !node.keep_snapshots(&snapshots) {
        return Persistent::Stopped;
    }
    for snapshot in &snapshots {
        M::directory(node).kept(snapshot);
    }
    Persistent::All
}
