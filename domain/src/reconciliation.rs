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

impl TransferStep {
    /// The transfer.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        match self {
            Self::Opened { id, .. }
            | Self::Accepted { id, .. }
            | Self::Settled { id }
            | Self::Returned { id } => *id,
        }
    }
}

/// A transfer that its payer has opened and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The entity that pays.
    pub payer: EntityId,
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

/// The transfers in flight, by id.
#[derive(Clone, Debug, Default)]
pub struct Reconciliation {
    open: BTreeMap<ExchangeId, InFlight>,
}

impl Reconciliation {
    /// Takes a step of a transfer in, recorded by `me`; says what does not fit.
    pub fn take(&mut self, me: &EntityId, step: TransferStep) -> Option<Unreconciled> {
        let fault =
            |id, mismatch, amount| Some(Unreconciled { id, mismatch, entity: me.clone(), amount });
        match step {
            // Nothing can be lost of nothing.
            TransferStep::Opened { amount, .. } | TransferStep::Accepted { amount, .. }
                if amount.is_zero() =>
            {
                None
            }
            TransferStep::Opened { id, to, amount } => {
                let (payer, payee) = (me.clone(), to);
                self.open.insert(id, InFlight { payer, payee, amount, accepted: false });
                None
            }
            TransferStep::Accepted { id, from, amount } => match self.open.get_mut(&id) {
                Some(open) if !open.accepted && open.is(&from, me, amount) => {
                    open.accepted = true;
                    None
                }
                Some(_) | None => fault(id, Mismatch::AcceptedOtherwise, amount),
            },
            TransferStep::Settled { id } => {
                let open = self.open.remove(&id).filter(|open| !open.accepted)?;
                fault(id, Mismatch::SettledUnaccepted, open.amount)
            }
            TransferStep::Returned { id } => {
                let open = self.open.remove(&id).filter(|open| open.accepted)?;
                fault(id, Mismatch::ReturnedAccepted, open.amount)
            }
        }
    }

    /// The transfer in flight of this id.
    #[must_use]
    pub fn get(&self, id: ExchangeId) -> Option<&InFlight> {
        self.open.get(&id)
    }

    /// All transfers in flight, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ExchangeId, &InFlight)> {
        self.open.iter().map(|(id, open)| (*id, open))
    }
}

impl InFlight {
    fn is(&self, payer: &EntityId, payee: &EntityId, amount: Micros) -> bool {
        self.payer == *payer && self.payee == *payee && self.amount == amount
    }
}

impl FromIterator<(ExchangeId, InFlight)> for Reconciliation {
    fn from_iter<I: IntoIterator<Item = (ExchangeId, InFlight)>>(open: I) -> Self {
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
        let (payer, payee, amount) = (project(1), person("ada"), micros(5));
        let open = InFlight { payer, payee, amount, accepted: false };
        assert!(reconciliation.iter().eq([(exchange_id(1), &open)]));
        let copy: Reconciliation =
            reconciliation.iter().map(|(id, open)| (id, open.clone())).collect();
        assert_eq!(copy.get(exchange_id(1)), Some(&open));
        let (me, step) = returned();
        reconciliation.take(&me, step);
        assert_eq!(reconciliation.iter().count(), 0);
    }
}
