//! The project index: what every request needs to know of projects, in memory. That is keys,
//! settings, and whether the budget still covers what users are promised.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use priv_domain::earning::Budget;
use priv_domain::entity::Environment;
use priv_domain::views::ProjectFacts;
use priv_domain::{Micros, ProjectId};

use crate::codec::{DecodeError, Input, Output, Stored};

/// A project in one environment. It is replaced as a whole when anything but its money changes.
#[derive(Clone, Debug)]
pub struct IndexedProject {
    /// The project without its money.
    pub facts: ProjectFacts,
    /// The project's money, which changes in place.
    pub money: Arc<ProjectMoney>,
}

/// A project's money, up to the records that the projector has committed.
#[derive(Debug, Default)]
pub struct ProjectMoney {
    available: AtomicU64,
    accrued: AtomicU64,
    funded: AtomicU64,
}

impl ProjectMoney {
    /// The money in the reward budget, in micros.
    #[must_use]
    pub fn available(&self) -> Micros {
        Micros::new(self.available.load(Ordering::Relaxed))
    }

    /// What users have earned and the budget has not funded, in micros.
    #[must_use]
    pub fn promised(&self) -> Micros {
        let accrued = Micros::new(self.accrued.load(Ordering::Relaxed));
        accrued.saturating_sub(Micros::new(self.funded.load(Ordering::Relaxed)))
    }

    /// Whether there is money that is not promised. The answer lags a little behind, so users may
    /// be promised a little more than there is; a claim for that stays pending until the budget is
    /// filled.
    #[must_use]
    pub fn budget(&self) -> Budget {
        if self.promised() < self.available() { Budget::Open } else { Budget::UsedUp }
    }

    pub(crate) fn change(&self, change: MoneyChange) {
        let add = |sum: &AtomicU64, amount: i128| {
            let before = i128::from(sum.load(Ordering::Relaxed));
            let after = u64::try_from((before + amount).max(0)).unwrap_or(u64::MAX);
            sum.store(after, Ordering::Relaxed);
        };
        add(&self.available, change.available);
        add(&self.accrued, change.accrued);
        add(&self.funded, change.funded);
    }
}

/// The change that a batch of records makes to a project's money, in micros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MoneyChange {
    pub(crate) available: i128,
    pub(crate) accrued: i128,
    pub(crate) funded: i128,
}

/// All projects of both environments, by id and by key.
#[derive(Debug, Default)]
pub struct ProjectIndex {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<(Environment, ProjectId), Arc<IndexedProject>>,
    by_key: HashMap<[u8; 32], (Arc<IndexedProject>, usize)>,
}

impl ProjectIndex {
    /// Finds a project by id.
    #[must_use]
    pub fn get(&self, environment: Environment, project: ProjectId) -> Option<Arc<IndexedProject>> {
        self.inner.read().by_id.get(&(environment, project)).cloned()
    }

    /// Finds the project of a key by the hash of the key's secret, with the place of the key in
    /// [`ProjectFacts::keys`].
    #[must_use]
    pub fn by_key(&self, sha256: &[u8; 32]) -> Option<(Arc<IndexedProject>, usize)> {
        self.inner.read().by_key.get(sha256).cloned()
    }

    /// All projects of an environment, in the order of their ids, hence oldest first.
    #[must_use]
    pub fn all(&self, environment: Environment) -> Vec<Arc<IndexedProject>> {
        let inner = self.inner.read();
        let mut all: Vec<_> = inner
            .by_id
            .values()
            .filter(|project| project.facts.environment == environment)
            .cloned()
            .collect();
        all.sort_unstable_by_key(|project| project.facts.id);
        all
    }

    pub(crate) fn put(&self, project: IndexedProject) {
        let project = Arc::new(project);
        let mut inner = self.inner.write();
        for (index, key) in project.facts.keys.iter().enumerate() {
            inner.by_key.insert(key.sha256, (project.clone(), index));
        }
        inner.by_id.insert((project.facts.environment, project.facts.id), project);
    }
}

/// Repeats environment and id, which are in the key that it is stored under.
impl Stored for IndexedProject {
    fn put(&self, out: &mut Output) {
        let Self { facts: ProjectFacts { id, environment, created_at, settings, keys }, money } =
            self;
        id.put(out);
        environment.put(out);
        created_at.put(out);
        settings.put(out);
        keys.put(out);
        for sum in [&money.available, &money.accrued, &money.funded] {
            sum.load(Ordering::Relaxed).put(out);
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let (id, environment, created_at) = Stored::get(input)?;
        let (settings, keys) = Stored::get(input)?;
        let (available, accrued, funded): (u64, u64, u64) = Stored::get(input)?;
        let money = Arc::new(ProjectMoney {
            available: available.into(),
            accrued: accrued.into(),
            funded: funded.into(),
        });
        let facts = ProjectFacts { id, environment, created_at, settings, keys };
        Ok(Self { facts, money })
    }
}
