//! What every request needs to know of projects, in memory: keys, settings, and whether the budget
//! still covers what users are promised.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use priv_domain::earning::Budget;
use priv_domain::entity::Environment;
use priv_domain::project::{ApiKey, Settings};
use priv_domain::{Micros, ProjectId, Timestamp};

use crate::codec::{DecodeError, Input, Output, Stored};

/// What is known of a project in one environment. Replaced as a whole when something changes but money.
#[derive(Clone, Debug)]
pub struct ProjectFacts {
    /// Its id.
    pub id: ProjectId,
    /// Its environment.
    pub environment: Environment,
    /// When it was made.
    pub created_at: Timestamp,
    /// What an operator decided about it.
    pub settings: Settings,
    /// Its keys, oldest first.
    pub keys: Vec<ApiKey>,
    /// Its money.
    pub money: Arc<ProjectMoney>,
}

/// A project's money, as the projector has seen it.
#[derive(Debug, Default)]
pub struct ProjectMoney {
    available: AtomicU64,
    accrued: AtomicU64,
    funded: AtomicU64,
}

impl ProjectMoney {
    /// The reward budget that is left, in micros.
    #[must_use]
    pub fn available(&self) -> Micros {
        Micros::new(self.available.load(Ordering::Relaxed))
    }

    /// What users have earned and not yet claimed, or not yet been paid.
    #[must_use]
    pub fn promised(&self) -> Micros {
        let accrued = Micros::new(self.accrued.load(Ordering::Relaxed));
        accrued.saturating_sub(Micros::new(self.funded.load(Ordering::Relaxed)))
    }

    /// Whether there is money that is not promised. A little late, so a user may be promised what
    /// came in between; a claim then stays pending until the budget is filled again.
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

/// What a batch of records changes about a project's money, in micros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MoneyChange {
    pub(crate) available: i128,
    pub(crate) accrued: i128,
    pub(crate) funded: i128,
}

/// All projects, by id and by key.
#[derive(Debug, Default)]
pub struct ProjectIndex {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<(Environment, ProjectId), Arc<ProjectFacts>>,
    by_key: HashMap<[u8; 32], (Arc<ProjectFacts>, usize)>,
}

impl ProjectIndex {
    /// A project.
    #[must_use]
    pub fn get(&self, environment: Environment, project: ProjectId) -> Option<Arc<ProjectFacts>> {
        self.inner.read().by_id.get(&(environment, project)).cloned()
    }

    /// The project of a key, by the hash of its secret, and which of its keys it is.
    #[must_use]
    pub fn by_key(&self, sha256: &[u8; 32]) -> Option<(Arc<ProjectFacts>, usize)> {
        self.inner.read().by_key.get(sha256).cloned()
    }

    /// All projects of a environment, by id, which is by age.
    #[must_use]
    pub fn all(&self, environment: Environment) -> Vec<Arc<ProjectFacts>> {
        let inner = self.inner.read();
        let mut all: Vec<_> = inner
            .by_id
            .values()
            .filter(|facts| facts.environment == environment)
            .cloned()
            .collect();
        all.sort_unstable_by_key(|facts| facts.id);
        all
    }

    pub(crate) fn put(&self, facts: ProjectFacts) {
        let facts = Arc::new(facts);
        let mut inner = self.inner.write();
        for (index, key) in facts.keys.iter().enumerate() {
            inner.by_key.insert(key.sha256, (facts.clone(), index));
        }
        inner.by_id.insert((facts.environment, facts.id), facts);
    }
}

/// Environment and id are in the key under which it is stored; both are repeated here.
impl Stored for ProjectFacts {
    fn put(&self, out: &mut Output) {
        let Self { id, environment, created_at, settings, keys, money } = self;
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
        Ok(Self { id, environment, created_at, settings, keys, money })
    }
}
