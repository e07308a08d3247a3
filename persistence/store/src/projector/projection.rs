//! The indexes and sums that the projector shows to others, and waiting for it to reach a position.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use priv_domain::Position;
use priv_domain::entity::Environment;
use priv_domain::ledger::TrialBalance;
use tokio::sync::watch;

use crate::index::listings::ListingIndex;
use crate::index::projects::ProjectIndex;

/// What others see of the projector.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Projects and their keys.
    pub projects: Arc<ProjectIndex>,
    /// Listings.
    pub listings: Arc<ListingIndex>,
    pub(super) ledger: Arc<RwLock<HashMap<Environment, TrialBalance>>>,
    pub(super) projected: watch::Receiver<Position>,
    pub(super) waiting: Arc<AtomicUsize>,
}

impl Projection {
    /// Whether somebody waits for the lists: then the projector gathers no more before it writes.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Up to where the lists hold everything.
    #[must_use]
    pub fn projected(&self) -> Position {
        *self.projected.borrow()
    }

    /// Waits until the lists hold everything up to a position; at once if they do.
    pub async fn when_projected(&self, position: Position) {
        if self.projected() >= position {
            return;
        }
        let _waiting = Waiting::begin(&self.waiting);
        let mut projected = self.projected.clone();
        // The projector ends with the process: then nobody is answered any more.
        let _ = projected.wait_for(|reached| *reached >= position).await;
    }

    /// The sums by account class, from all postings.
    #[must_use]
    pub fn ledger(&self, environment: Environment) -> TrialBalance {
        self.ledger.read().get(&environment).cloned().unwrap_or_default()
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn begin(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
