//! The projection: the indexes and sums that the projector shows to others, and a way to wait for
//! it to reach a position.

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

/// The projector has ended, with the process or because it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the projector has stopped: lists are out of date")]
pub struct ProjectorStopped;

/// The part of the projector that others see. Clones are of the same projector.
#[derive(Clone, Debug)]
pub struct Projection {
    /// All projects with their keys and money.
    pub projects: Arc<ProjectIndex>,
    /// The summaries of all listings.
    pub listings: Arc<ListingIndex>,
    pub(super) ledger: Arc<RwLock<HashMap<Environment, TrialBalance>>>,
    pub(super) projected: watch::Receiver<Position>,
    pub(super) waiting: Arc<AtomicUsize>,
}

impl Projection {
    /// Whether somebody waits for the projector: then it gathers no more before it writes.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// The position up to which views and indexes hold everything.
    #[must_use]
    pub fn projected(&self) -> Position {
        *self.projected.borrow()
    }

    /// Waits until views and indexes hold everything up to a position; returns at once if they do.
    ///
    /// # Errors
    /// The projector has ended before it reached the position: what views and indexes show is out
    /// of date, and stays so.
    pub async fn when_projected(&self, position: Position) -> Result<(), ProjectorStopped> {
        if self.projected() >= position {
            return Ok(());
        }
        let _waiting = Waiting::begin(&self.waiting);
        let mut projected = self.projected.clone();
        let waited = projected.wait_for(|reached| *reached >= position).await;
        waited.map(drop).map_err(|_| ProjectorStopped)
    }

    /// The sums of all postings by account class.
    #[must_use]
    pub fn ledger(&self, environment: Environment) -> TrialBalance {
        self.ledger.read().get(&environment).cloned().unwrap_or_default()
    }
}

/// Counts one waiter, until it is dropped.
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
