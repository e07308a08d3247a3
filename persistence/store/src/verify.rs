//! Verifying a data directory: the journal's chain, each snapshot against replay, and the ledger.

use std::collections::HashMap;

use priv_domain::AnyEntity;
use priv_domain::entity::{EntityId, Environment};
use priv_domain::ledger::{AccountClass, TrialBalance};
use priv_journal::{Journal, ReadError};

use crate::any_entity::{self, ApplyError, postings};
use crate::error::StoreError;
use crate::store::Store;

/// The result of a check.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of records that were replayed.
    pub records: u64,
    /// The number of entities that they are of.
    pub entities: u64,
    /// The number of snapshots that were compared.
    pub snapshots: u64,
    /// All that is not as it should be, for people to read.
    pub faults: Vec<String>,
}

/// The reason why a check could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record can't be folded into its entity.
    #[error(transparent)]
    Replay(#[from] ApplyError),
}

/// Replays the whole journal in memory, and compares snapshots and ledger with it.
///
/// # Errors
/// See [`VerifyError`]. Whatever is merely wrong is in the report.
pub fn verify(journal: &dyn Journal, store: &Store) -> Result<Report, VerifyError> {
    let mut report = Report::default();
    let mut snapshots: HashMap<EntityId, AnyEntity> = HashMap::new();
    for id in store.snapshots.entities() {
        let id = id?;
        if let Some(entity) = any_entity::load(&store.snapshots, &id)? {
            snapshots.insert(id, entity);
        }
    }
    let mut entities: HashMap<EntityId, AnyEntity> = HashMap::new();
    let mut posted: HashMap<Environment, TrialBalance> = HashMap::new();
    for record in journal.scan(priv_domain::Position::ZERO.next()) {
        let record = record?;
        report.records += 1;
        let sums = posted.entry(record.entity.environment).or_default();
        postings(&record).map_err(ApplyError::from)?.iter().for_each(|posting| sums.post(posting));
        let entity = entities
            .entry(record.entity.clone())
            .or_insert_with(|| AnyEntity::new(record.entity.kind));
        any_entity::apply(entity, &record)?;
        if let Some(snapshot) = snapshots.get(&record.entity)
            && snapshot.version() == entity.version()
        {
            report.snapshots += 1;
            if snapshot != entity {
                report.faults.push(format!("the snapshot of {} is not its replay", record.entity));
            }
            snapshots.remove(&record.entity);
        }
    }
    for id in snapshots.keys() {
        report.faults.push(format!("the snapshot of {id} is of a version that never was"));
    }
    report.entities = u64::try_from(entities.len()).unwrap_or(u64::MAX);
    check_ledger(&entities, &posted, &mut report);
    Ok(report)
}

fn check_ledger(
    entities: &HashMap<EntityId, AnyEntity>,
    posted: &HashMap<Environment, TrialBalance>,
    report: &mut Report,
) {
    for (environment, sums) in posted {
        let mut held = TrialBalance::default();
        for (_, entity) in entities.iter().filter(|(id, _)| id.environment == *environment) {
            entity.add_holdings(&mut held);
        }
        for class in AccountClass::ALL.into_iter().filter(|c| *c != AccountClass::InFlight) {
            if held.of(class) != sums.of(class) {
                report.faults.push(format!(
                    "{} of the {} environment: states hold {} micros, postings come to {}",
                    class.as_str(),
                    environment.as_str(),
                    held.of(class),
                    sums.of(class),
                ));
            }
        }
        if sums.difference() != 0 || sums.of(AccountClass::InFlight) < 0 {
            report.faults.push(format!(
                "the ledger of the {} environment is off by {} micros, {} in flight",
                environment.as_str(),
                sums.difference(),
                sums.of(AccountClass::InFlight),
            ));
        }
    }
}
