//! The changes that a batch of records makes, until they are written.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use priv_domain::entity::{EntityId, Environment};
use priv_domain::ledger::TrialBalance;
use priv_domain::listing_summary::ListingSummary;
use priv_domain::views::Sale;
use priv_domain::{ListingId, Micros, ProjectId, Timestamp};

use crate::codec::Stored;
use crate::error::StoreError;
use crate::index::projects::{IndexedProject, MoneyChange};
use crate::value::{read_value, write_value};
use crate::views::Views;
use crate::views::keys::{EntryKey, sale_key};

/// Changes that are not written yet, and earnings that were written lately.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) writes: HashMap<Vec<u8>, Vec<u8>>,
    removals: HashSet<Vec<u8>>,
    pub(super) ledger: HashMap<Environment, TrialBalance>,
    pub(super) projects: HashMap<(Environment, ProjectId), IndexedProject>,
    pub(super) summaries: HashMap<(Environment, ListingId), ListingSummary>,
    pub(super) money: HashMap<(Environment, ProjectId), MoneyChange>,
    pub(super) touched: HashSet<(Environment, ProjectId)>,
    /// By seller, to be written together: with thousands of sales a second, a value holds many.
    sales: HashMap<EntityId, Vec<Sale>>,
    earnings: HashMap<EntryKey, (Micros, Timestamp)>,
    /// Lines that were written lately, so that they need not be read again.
    written: HashMap<EntryKey, (Micros, Timestamp)>,
}

/// The most bytes of sales in one value, roughly. sled keeps more than sixteen such values
/// together, and puts what is above 128 KiB into a file that it never syncs.
const SALES_BYTES: usize = 6 << 10;

/// The most lines that are kept in memory.
const MAX_WRITTEN: usize = 100_000;

impl Pending {
    /// The number of values that wait to be written, roughly.
    pub(super) fn len(&self) -> usize {
        let sales: usize = self.sales.values().map(Vec::len).sum();
        self.writes.len() + self.earnings.len() + self.removals.len() + sales
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.removals.remove(&key);
        self.writes.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.writes.remove(&key);
        self.removals.insert(key);
    }

    /// Reads a value with the changes that are not written yet.
    pub(super) fn value<T: Stored>(
        &self,
        views: &Views,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        if self.removals.contains(key) {
            return Ok(None);
        }
        match self.writes.get(key) {
            Some(value) => read_value(value).map(Some),
            None => views.value(key),
        }
    }

    pub(super) fn money(
        &mut self,
        environment: Environment,
        project: ProjectId,
    ) -> &mut MoneyChange {
        self.money.entry((environment, project)).or_default()
    }

    pub(super) fn add_sale(&mut self, seller: &EntityId, sale: Sale) {
        match self.sales.get_mut(seller) {
            Some(sales) => sales.push(sale),
            None => drop(self.sales.insert(seller.clone(), vec![sale])),
        }
    }

    /// Adds to a user's line of earnings for the day.
    pub(super) fn add_earning(
        &mut self,
        views: &Views,
        key: EntryKey,
        amount: Micros,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let line = match self.earnings.entry(key) {
            Entry::Occupied(line) => line.into_mut(),
            Entry::Vacant(place) => {
                let stored = match self.written.get(place.key()) {
                    Some(line) => Some(*line),
                    None => {
                        let key = place.key().bytes();
                        match self.removals.contains(&key) {
                            true => None,
                            false => views.value(&key)?,
                        }
                    }
                };
                place.insert(stored.unwrap_or((Micros::ZERO, at)))
            }
        };
        line.0 = line.0.saturating_add(amount);
        line.1 = line.1.min(at);
        Ok(())
    }

    /// Moves all lines of earnings of one user to another.
    pub(super) fn move_earnings(
        &mut self,
        views: &Views,
        from: &EntityId,
        to: &EntityId,
    ) -> Result<(), StoreError> {
        let stored = views.earnings(from)?.into_iter().map(|entry| {
            let (day, payer, reference) = (entry.day, entry.payer, entry.reference);
            let key = EntryKey { user: from.clone(), day, payer, reference };
            (key, (entry.amount, entry.since))
        });
        let mut lines: HashMap<EntryKey, (Micros, Timestamp)> =
            stored.filter(|(key, _)| !self.removals.contains(&key.bytes())).collect();
        let gathered: Vec<EntryKey> =
            self.earnings.keys().filter(|key| key.user == *from).cloned().collect();
        for key in gathered {
            if let Some(line) = self.earnings.remove(&key) {
                lines.insert(key, line);
            }
        }
        for (key, (amount, since)) in lines {
            self.removals.insert(key.bytes());
            self.written.remove(&key);
            self.add_earning(views, EntryKey { user: to.clone(), ..key }, amount, since)?;
        }
        Ok(())
    }

    /// Takes out all changes, to be written together; those in the ledger, the projects, the
    /// summaries and the money must have been moved into `writes`.
    pub(super) fn take_batch(&mut self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for key in self.removals.drain() {
            batch.remove(key);
        }
        for (key, value) in self.writes.drain() {
            batch.insert(key, value);
        }
        for (seller, sales) in self.sales.drain() {
            let mut sales = sales.into_iter().peekable();
            while let Some(first) = sales.next() {
                let (key, mut bytes) = (sale_key(&seller, first.0), sale_bytes(&first));
                let mut together = vec![first];
                while let Some(next) = sales.next_if(|next| bytes + sale_bytes(next) <= SALES_BYTES)
                {
                    bytes += sale_bytes(&next);
                    together.push(next);
                }
                batch.insert(key, write_value(&together));
            }
        }
        if self.written.len() > MAX_WRITTEN {
            self.written.clear();
        }
        for (key, line) in self.earnings.drain() {
            batch.insert(key.bytes(), write_value(&line));
            self.written.insert(key, line);
        }
        batch
    }
}

/// An upper bound for the size of a sale in bytes: all but the title takes less than 64.
fn sale_bytes((_, line): &Sale) -> usize {
    64 + line.title.len()
}

#[cfg(test)]
mod tests {
    use priv_domain::UserRef;
    use priv_domain::market::License;
    use priv_domain::views::PurchaseLine;

    use super::*;
    use crate::store::Store;

    #[test]
    fn sales_in_several_places_are_all_read_newest_first() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (store, _) = Store::open(dir.path(), 1 << 20).expect("opens");
        let seller = EntityId::user(Environment::Live, &UserRef::Person("seller".into()));
        let sale = |number: u128| {
            let (title, price) = ("t".repeat(200).into(), Micros::new(10_000));
            let listing = ListingId::new(1);
            let line = PurchaseLine { listing, title, price, license: License::Unlimited };
            (priv_domain::PurchaseId::new(number), line)
        };
        let mut pending = Pending::default();
        // In the order of acceptance, which is not quite the order of the orders.
        for number in (0..250).map(|number| number ^ 1) {
            pending.add_sale(&seller, sale(number));
        }
        store.views.apply(pending.take_batch()).expect("writes");
        let expected: Vec<Sale> = (0..250).rev().map(sale).collect();
        assert_eq!(store.views.sales(&seller).expect("reads"), expected);
        assert_eq!(pending.len(), 0);
    }
}
