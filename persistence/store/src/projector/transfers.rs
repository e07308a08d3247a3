//! Transfers in flight, whose ends are held against each other as their records come.

use std::collections::HashSet;

use priv_domain::Position;
use priv_domain::entity::EntityId;
use priv_domain::reconciliation::{Reconciliation, TransferName, TransferStep};

use crate::error::StoreError;
use crate::value::write_value;
use crate::views::Views;
use crate::views::keys::{in_flight_key, unreconciled_key};

/// The transfers in flight, and those among them that are written. Most end before they would be.
#[derive(Debug)]
pub(super) struct TransferLedger {
    reconciliation: Reconciliation,
    written: HashSet<TransferName>,
    /// Those whose state differs from what is written.
    changed: HashSet<TransferName>,
    found: Vec<(Vec<u8>, Vec<u8>)>,
}

impl TransferLedger {
    /// Loads the transfers that were in flight.
    pub(super) fn load(views: &Views) -> Result<Self, StoreError> {
        let open = views.in_flight()?;
        let written = open.iter().map(|(transfer, _)| transfer.clone()).collect();
        let reconciliation = open.into_iter().collect();
        Ok(Self { reconciliation, written, changed: HashSet::new(), found: Vec::new() })
    }

    /// Takes a step of a transfer in, recorded by `me` at a position.
    pub(super) fn take(&mut self, me: &EntityId, step: TransferStep, position: Position) {
        self.changed.insert(step.transfer(me));
        let Some(found) = self.reconciliation.take(me, step) else { return };
        tracing::error!(
            transfer = %found.id,
            mismatch = found.mismatch.as_str(),
            position = position.get(),
            "the two ends of a transfer don't fit: see GET /v1/admin/ledger/audit"
        );
        let key = unreconciled_key(me.environment, position, found.id);
        self.found.push((key, write_value(&found)));
    }

    /// Adds what has changed to a batch.
    pub(super) fn write(&mut self, batch: &mut sled::Batch) {
        for transfer in self.changed.drain() {
            let key = in_flight_key(&transfer);
            match self.reconciliation.get(&transfer) {
                Some(open) => {
                    let (id, payer) = transfer.clone();
                    batch.insert(key, write_value(&(id, payer, open.clone())));
                    self.written.insert(transfer);
                }
                None if self.written.remove(&transfer) => batch.remove(key),
                None => {}
            }
        }
        for (key, value) in self.found.drain(..) {
            batch.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use priv_domain::entity::{Environment, UserRef};
    use priv_domain::reconciliation::Mismatch;
    use priv_domain::{ExchangeId, Micros, ProjectId};

    use super::*;
    use crate::store::Store;

    /// Steps of transfers of a project to a user.
    fn steps(id: u128) -> [(EntityId, TransferStep); 3] {
        let payer = EntityId::project(Environment::Live, ProjectId::new(1));
        let payee = EntityId::user(Environment::Live, &UserRef::Person("ada".into()));
        let (id, amount) = (ExchangeId::new(id), Micros::new(5));
        let opened = TransferStep::Opened { id, to: payee.clone(), amount };
        let accepted = TransferStep::Accepted { id, from: payer.clone(), amount };
        [(payer.clone(), opened), (payee, accepted), (payer, TransferStep::Settled { id })]
    }

    #[test]
    fn a_transfer_that_was_settled_and_never_credited_is_found_also_after_a_restart() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (store, _) = Store::open(dir.path(), 1 << 20).expect("opens");
        let views = &store.views;
        let mut position = 0;
        // The steps between writes, each by a ledger that was loaded anew; what is in flight then.
        let rows = [
            (vec![(1, 0), (2, 0), (3, 0), (3, 1), (3, 2)], vec![1, 2]),
            (vec![(1, 1)], vec![1, 2]),
            (vec![(1, 2)], vec![2]),
            (vec![(2, 2)], vec![]),
        ];
        for (taken, in_flight) in rows {
            let mut transfers = TransferLedger::load(views).expect("loads");
            for (id, step) in taken {
                let (me, step) = steps(id)[step].clone();
                position += 1;
                transfers.take(&me, step, Position::new(position));
            }
            let mut batch = sled::Batch::default();
            transfers.write(&mut batch);
            views.apply(batch).expect("writes");
            let open = views.in_flight().expect("reads");
            assert!(open.iter().map(|((id, _), _)| id.get()).eq(in_flight));
        }
        let found: Vec<_> =
            views.unreconciled(Environment::Live).map(|found| found.expect("reads")).collect();
        let found: Vec<_> = found.iter().map(|found| (found.id.get(), found.mismatch)).collect();
        assert_eq!(found, [(2, Mismatch::SettledUnaccepted)]);
        assert_eq!(views.unreconciled(Environment::Test).count(), 0);
    }
}
