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
use priv_domain::user::User;
use tokio::sync::Notify;

use super::checkpoint::checkpoint;
use super::delivery::Residents;
use super::passivation::passivate_unused;
use crate::host::Host;

/// Time between looks at who is idle.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Reaches the housekeeper from anywhere.
#[derive(Debug)]
pub(crate) struct Housekeeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    memory_is_short: Arc<Notify>,
    stop: AtomicBool,
}

/// The housekeeper's own side.
pub(crate) struct Housekeeping {
    shared: Arc<Shared>,
}

impl Housekeeper {
    pub(crate) fn new(memory_is_short: Arc<Notify>) -> (Self, Housekeeping) {
        let shared = Arc::new(Shared { memory_is_short, stop: AtomicBool::new(false) });
        let thread = Mutex::new(None);
        (Self { shared: shared.clone(), thread }, Housekeeping { shared })
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
    /// Works until the node stops, or its actors are gone.
    ///
    /// # Errors
    /// The system gives no timer: then nothing would be checkpointed, and nobody would go.
    pub(crate) fn run(self, residents: &Weak<Residents>) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(self.work(residents));
        Ok(())
    }

    async fn work(self, residents: &Weak<Residents>) {
        let mut checkpointed = Instant::now();
        loop {
            let memory_is_short = self.shared.memory_is_short.notified();
            // Either is a reason to look.
            let _ = tokio::time::timeout(SWEEP_EVERY, memory_is_short).await;
            let Some(residents) = residents.upgrade() else { return };
            if self.shared.stop.load(Ordering::SeqCst) {
                return;
            }
            sweep(&residents).await;
            if checkpointed.elapsed() >= residents.host().options.checkpoint_every {
                checkpoint(&residents).await;
                checkpointed = Instant::now();
            }
        }
    }
}

/// Asks those who are idle to go, and above the memory budget those who were used least recently.
async fn sweep(residents: &Residents) {
    let host = residents.host();
    let idle = host.ticks().checked_sub(Host::ticks_of(host.options.idle));
    let unused_since = match (idle, cutoff_for_memory(residents)) {
        (Some(idle), Some(memory)) => idle.max(memory),
        (Some(cutoff), None) | (None, Some(cutoff)) => cutoff,
        (None, None) => return,
    };
    passivate_unused::<User>(residents, unused_since).await;
    passivate_unused::<Project>(residents, unused_since).await;
    passivate_unused::<Listing>(residents, unused_since).await;
}

/// The moment whose users must have gone for a quarter of the budget to be free; `None` while an
/// eighth of it is.
fn cutoff_for_memory(residents: &Residents) -> Option<u32> {
    let host = residents.host();
    let budget = host.options.resident_bytes;
    let resident = host.resident_bytes();
    if resident <= budget - budget / 8 {
        return None;
    }
    let mut by_age: BTreeMap<u32, u64> = BTreeMap::new();
    let mut see = |used, bytes| *by_age.entry(used).or_default() += u64::from(bytes);
    residents.users.ages(&mut see);
    residents.projects.ages(&mut see);
    residents.listings.ages(&mut see);
    let mut excess = resident.saturating_sub(budget - budget / 4);
    for (used, bytes) in by_age {
        if bytes >= excess {
            return Some(used);
        }
        excess -= bytes;
    }
    Some(host.ticks())
}
