//! Both ends of each transfer held against each other.
//!
//! Postings always sum to zero, since each has two sides; a transfer that its payer has settled and
//! its payee never accepted would stay in flight, and no sum would show it. So the ends are compared
//! by the transfer's id. Records come in the order of the journal, in which a payee accepts after its
//! payer has opened, and a payer settles after its payee has accepted.

use std::collections::BTreeMap;

use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::money::Micros;

/// One step of a transfer, as one of its ends has recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferStep {
    /// Its payer opened it.
    Opened {
        /// The transfer.
        id: ExchangeId,
        /// The payee.
        to: EntityId,
        /// The money in it, in micros.
        amount: Micros,
    },
    /// Its payee accepted it.
    Accepted {
        /// The transfer.
        id: ExchangeId,
        /// The payer.
        from: EntityId,
        /// The money that was credited, in micros.
        amount: Micros,
    },
    /// Its payer settled it.
    Settled {
        /// The transfer.
        id: ExchangeId,
    },
    /// Its payer took the money back.
    Returned {
        /// The transfer.
        id: ExchangeId,
    },
}

/// A transfer's id and its payer. Ids alone did not tell transfers apart in journals of the first
/// releases: a payout's second transfer had an id that another entity could be given too.
pub type TransferName = (ExchangeId, EntityId);

impl TransferStep {
    /// The transfer that the step is of, recorded by `me`.
    #[must_use]
    pub fn transfer(&self, me: &EntityId) -> TransferName {
        match self {
            Self::Accepted { id, from, .. } => (*id, from.clone()),
            Self::Opened { id, .. } | Self::Settled { id } | Self::Returned { id } => {
                (*id, me.clone())
            }
        }
    }
}

/// A transfer that its payer has opened and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The entity that is paid.
    pub payee: EntityId,
    /// The money in it, in micros.
    pub amount: Micros,
    /// Whether the payee has accepted it.
    pub accepted: bool,
}

/// What is wrong with a transfer whose ends don't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Its payer settled it, and its payee never accepted it: the money is nowhere.
    SettledUnaccepted,
    /// Its payer took the money back, and its payee accepted it: the money is there twice.
    ReturnedAccepted,
    /// It was accepted and not open, or twice, or by another, or with another amount.
    AcceptedOtherwise,
}

impl Mismatch {
    /// All of them.
    pub const ALL: [Self; 3] =
        [Self::SettledUnaccepted, Self::ReturnedAccepted, Self::AcceptedOtherwise];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SettledUnaccepted => "settled_unaccepted",
            Self::ReturnedAccepted => "returned_accepted",
            Self::AcceptedOtherwise => "accepted_otherwise",
        }
    }
}

/// A transfer whose ends don't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreconciled {
    /// The transfer.
    pub id: ExchangeId,
    /// What is wrong with it.
    pub mismatch: Mismatch,
    /// The entity whose record showed it.
    pub entity: EntityId,
    /// The money in it, in micros.
    pub amount: Micros,
}

/// The transfers in flight.
#[derive(Clone, Debug, Default)]
pub struct Reconciliation {
    open: BTreeMap<TransferName, InFlight>,
}

impl Reconciliation {
    /// Takes a step of a transfer in, recorded by `me`; says what does not fit.
    pub fn take(&mut self, me: &EntityId, step: TransferStep) -> Option<Unreconciled> {
        let fault =
            |id, mismatch, amount| Some(Unreconciled { id, mismatch, entity: me.clone(), amount });
        let transfer = step.transfer(me);
        match step {
            // Nothing can be lost of nothing.
            TransferStep::Opened { amount, .. } | TransferStep::Accepted { amount, .. }
                if amount.is_zero() =>
            {
                None
            }
            TransferStep::Opened { to: payee, amount, .. } => {
                self.open.insert(transfer, InFlight { payee, amount, accepted: false });
                None
            }
            TransferStep::Accepted { id, amount, .. } => match self.open.get_mut(&transfer) {
                Some(open) if !open.accepted && open.is(me, amount) => {
                    open.accepted = true;
                    None
                }
                Some(_) | None => fault(id, Mismatch::AcceptedOtherwise, amount),
            },
            TransferStep::Settled { id } => {
                let open = self.open.remove(&transfer).filter(|open| !open.accepted)?;
                fault(id, Mismatch::SettledUnaccepted, open.amount)
            }
            TransferStep::Returned { id } => {
                let open = self.open.remove(&transfer).filter(|open| open.accepted)?;
                fault(id, Mismatch::ReturnedAccepted, open.amount)
            }
        }
    }

    /// The state of a transfer; `None` if it is not in flight.
    #[must_use]
    pub fn get(&self, transfer: &TransferName) -> Option<&InFlight> {
        self.open.get(transfer)
    }

    /// All transfers in flight, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&TransferName, &InFlight)> {
        self.open.iter()
    }
}

impl InFlight {
    fn is(&self, payee: &EntityId, amount: Micros) -> bool {
        self.payee == *payee && self.amount == amount
    }
}

impl FromIterator<(TransferName, InFlight)> for Reconciliation {
    fn from_iter<I: IntoIterator<Item = (TransferName, InFlight)>>(open: I) -> Self {
        Self { open: open.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{exchange_id, micros, person, project};

    fn opened() -> (EntityId, TransferStep) {
        (
            project(1),
            TransferStep::Opened { id: exchange_id(1), to: person("ada"), amount: micros(5) },
        )
    }

    fn accepted(by: EntityId, from: EntityId, amount: u64) -> (EntityId, TransferStep) {
        (by, TransferStep::Accepted { id: exchange_id(1), from, amount: micros(amount) })
    }

    fn settled() -> (EntityId, TransferStep) {
        (project(1), TransferStep::Settled { id: exchange_id(1) })
    }

    fn returned() -> (EntityId, TransferStep) {
        (project(1), TransferStep::Returned { id: exchange_id(1) })
    }

    #[test]
    fn ends_that_do_not_fit_are_found() {
        use Mismatch::{AcceptedOtherwise, ReturnedAccepted, SettledUnaccepted};
        let good = || accepted(person("ada"), project(1), 5);
        // The steps; what the last of them shows.
        let rows = [
            (vec![opened(), good(), settled()], None),
            (vec![opened(), returned()], None),
            (vec![opened(), settled()], Some(SettledUnaccepted)),
            (vec![opened(), good(), returned()], Some(ReturnedAccepted)),
            (vec![good()], Some(AcceptedOtherwise)),
            (vec![opened(), good(), good()], Some(AcceptedOtherwise)),
            (vec![opened(), accepted(person("bob"), project(1), 5)], Some(AcceptedOtherwise)),
            (vec![opened(), accepted(person("ada"), project(2), 5)], Some(AcceptedOtherwise)),
            (vec![opened(), accepted(person("ada"), project(1), 6)], Some(AcceptedOtherwise)),
            (vec![opened(), returned(), good()], Some(AcceptedOtherwise)),
            // Settled twice, as in journals of the first releases; nothing that was nothing.
            (vec![opened(), good(), settled(), settled()], None),
            (vec![accepted(person("ada"), project(1), 0)], None),
        ];
        for (steps, expected) in rows {
            let described = format!("{steps:?}");
            let mut reconciliation = Reconciliation::default();
            let mut last = None;
            for (me, step) in steps {
                assert_eq!(last, None, "only the last step shows it: {described}");
                last = reconciliation.take(&me, step);
            }
            assert_eq!(last.map(|found| found.mismatch), expected, "{described}");
        }
    }

    #[test]
    fn what_is_in_flight_is_listed_until_it_has_ended() {
        let mut reconciliation = Reconciliation::default();
        let (me, step) = opened();
        reconciliation.take(&me, step);
        let open = InFlight { payee: person("ada"), amount: micros(5), accepted: false };
        let transfer = (exchange_id(1), project(1));
        assert!(reconciliation.iter().eq([(&transfer, &open)]));
        let copy: Reconciliation = reconciliation
            .iter()
            .map(|(transfer, open)| (transfer.clone(), open.clone()))
            .collect();
        assert_eq!(copy.get(&transfer), Some(&open));
        // Another payer's of the same id, as there may be in old journals, is another transfer.
        let to = person("bob");
        let same_id = TransferStep::Opened { id: exchange_id(1), to, amount: micros(7) };
        assert_eq!(reconciliation.take(&project(2), same_id), None);
        let (me, step) = accepted(person("ada"), project(1), 5);
        assert_eq!(reconciliation.take(&me, step), None);
        let (me, step) = settled();
        assert_eq!(reconciliation.take(&me, step), None);
        assert!(reconciliation.iter().all(|((_, payer), _)| *payer == project(2)));
        let back = TransferStep::Returned { id: exchange_id(1) };
        assert_eq!(reconciliation.take(&project(2), back), None);
        assert_eq!(reconciliation.iter().count(), 0);
    }
}
