//! Views: the lists and counters that the projector keeps in sled, and how they are read.
//!
//! They are in one tree, so that all changes of a batch of records are written together with the
//! position up to which records are in. The first byte of a key says which list it belongs to.

pub(crate) mod analytics;
mod earnings;
pub(crate) mod keys;
mod market;

use priv_domain::consent::ConsentRecord;
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::ledger::{AccountClass, TrialBalance};
use priv_domain::reconciliation::{InFlight, TransferName, Unreconciled};
use priv_domain::{Day, Position, Timestamp};

use crate::error::StoreError;
use crate::index::projects::IndexedProject;
use crate::snapshots::{environment_byte, read_key};
use crate::value::{read_value, write_value};
use keys::{PROJECTED, answer_key, entity_key, ledger_key, user_prefix, wallet_key};

/// A loose value: one that is not from the journal. Its name, and two numbers.
pub type Loose = (Vec<u8>, (i64, u64));

/// Lists and counters in sled. Clones are of the same ones.
#[derive(Clone, Debug)]
pub struct Views {
    tree: sled::Tree,
}

impl Views {
    pub(crate) fn new(tree: sled::Tree) -> Self {
        Self { tree }
    }

    pub(crate) fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        Ok(self.tree.apply_batch(batch)?)
    }

    /// The position up to which the journal's records are in.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn projected(&self) -> Result<Position, StoreError> {
        Ok(self.value(PROJECTED)?.unwrap_or(Position::ZERO))
    }

    pub(crate) fn value<T: crate::codec::Stored>(
        &self,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        self.tree.get(key)?.map(|bytes| read_value(&bytes)).transpose()
    }

    /// All projects of both environments, with their money.
    pub(crate) fn projects(&self) -> Result<Vec<IndexedProject>, StoreError> {
        self.tree.scan_prefix([keys::PROJECT]).values().map(|value| read_value(&value?)).collect()
    }

    /// All versions of a user's consent, oldest first; none if they were never asked.
    ///
    /// # Errors
    /// sled failed, or a value can't be read.
    pub fn consent_history(&self, user: &EntityId) -> Result<Vec<ConsentRecord>, StoreError> {
        let prefix = user_prefix(keys::CONSENT, user);
        self.tree.scan_prefix(prefix).values().map(|value| read_value(&value?)).collect()
    }

    /// The user who last proved to hold a wallet; `None` if nobody did.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn wallet_holder(
        &self,
        environment: Environment,
        address: &[u8; 20],
    ) -> Result<Option<EntityId>, StoreError> {
        self.value(&wallet_key(environment, address))
    }

    /// The entities of a kind whose keys follow `after`, in the order of their keys, at most
    /// `limit`.
    ///
    /// # Errors
    /// sled failed, or a key is damaged.
    pub fn entities(
        &self,
        environment: Environment,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<EntityId>, StoreError> {
        let id = |key: &str| EntityId { environment, kind, key: key.into() };
        let prefix = entity_key(&id(""));
        let from = match after {
            Some(after) => [entity_key(&id(after)), vec![0]].concat(),
            None => prefix.clone(),
        };
        let keys = self.tree.range(from..).keys();
        let keys = keys.take_while(|key| key.as_ref().is_ok_and(|key| key.starts_with(&prefix)));
        let ids = keys
            .take(limit)
            .map(|key| read_key(&key?[1..]).ok_or(StoreError::Damaged { what: "entity key" }));
        ids.collect()
    }

    /// The answer to a request over many users that was given today or yesterday: the fingerprint
    /// of the request's body, and the body of the answer. `None` if there is none.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn answer(&self, tag: u128, now: Timestamp) -> Result<Option<(u128, String)>, StoreError> {
        let today = now.day();
        for day in [today, Day::new(today.get() - 1)] {
            if let Some(answer) = self.value(&answer_key(day, tag))? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// The keys of answers from before a day.
    pub(crate) fn answers_before(
        &self,
        day: Day,
    ) -> impl Iterator<Item = Result<Vec<u8>, StoreError>> {
        let range = vec![keys::ANSWER]..answer_key(day, 0);
        self.tree.range(range).keys().map(|key| Ok(key?.to_vec()))
    }

    /// Whether an entity has a record that was projected.
    ///
    /// # Errors
    /// sled failed.
    pub fn has_entity(&self, id: &EntityId) -> Result<bool, StoreError> {
        Ok(self.tree.contains_key(entity_key(id))?)
    }

    /// The time of an entity's first record; `None` if no record was projected, or its
    /// time was not kept.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn first_seen(&self, id: &EntityId) -> Result<Option<Timestamp>, StoreError> {
        let value = self.tree.get(entity_key(id))?;
        value.filter(|value| !value.is_empty()).map(|value| read_value(&value)).transpose()
    }

    /// The transfers in flight in both environments, by id.
    pub(crate) fn in_flight(&self) -> Result<Vec<(TransferName, InFlight)>, StoreError> {
        let rows = self.tree.scan_prefix([keys::IN_FLIGHT]).values();
        rows.map(|row| {
            let (id, payer, open) = read_value(&row?)?;
            Ok(((id, payer), open))
        })
        .collect()
    }

    /// The transfers of an environment whose two ends don't fit, as they were found; none, or an
    /// alarm.
    ///
    /// # Errors
    /// sled failed, or a value can't be read.
    pub fn unreconciled(
        &self,
        environment: Environment,
    ) -> impl Iterator<Item = Result<Unreconciled, StoreError>> + use<> {
        let prefix = [keys::UNRECONCILED, environment_byte(environment)];
        self.tree.scan_prefix(prefix).values().map(|value| read_value(&value?))
    }

    /// The sums of all postings by account class.
    ///
    /// # Errors
    /// sled failed, or the value can't be read.
    pub fn ledger(&self, environment: Environment) -> Result<TrialBalance, StoreError> {
        let sums: Vec<(AccountClass, i128)> =
            self.value(&ledger_key(environment))?.unwrap_or_default();
        let mut trial = TrialBalance::default();
        for (class, micros) in sums {
            trial.add(class, micros);
        }
        Ok(trial)
    }

    /// Keeps a loose value under a name, such as the day count of a rate limit. It is written at
    /// once, without the projector.
    ///
    /// # Errors
    /// sled failed.
    pub fn put_loose(&self, name: &[u8], value: &(i64, u64)) -> Result<(), StoreError> {
        self.tree.insert(keys::loose_key(name), write_value(value))?;
        Ok(())
    }

    /// Removes a loose value, if there is one of this name.
    ///
    /// # Errors
    /// sled failed.
    pub fn remove_loose(&self, name: &[u8]) -> Result<(), StoreError> {
        self.tree.remove(keys::loose_key(name))?;
        Ok(())
    }

    /// All loose values, in the order of their names.
    ///
    /// # Errors
    /// sled failed, or a value can't be read.
    pub fn loose(&self) -> Result<Vec<Loose>, StoreError> {
        let all = self.tree.scan_prefix([keys::LOOSE]);
        all.map(|item| {
            let (key, value) = item?;
            Ok((key[1..].to_vec(), read_value(&value)?))
        })
        .collect()
    }
}
