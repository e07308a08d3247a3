//! Filling a project's reward budget from the treasury.

use super::{Event, Refusal, System};
use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::machine::{Command, Context, Decided};
use crate::money::Micros;
use crate::transfer::{Purpose, Transfer};

/// Fills a project's reward budget from the treasury.
#[derive(Clone, Debug)]
pub struct FundBudget {
    /// The project.
    pub project: EntityId,
    /// How much, in micros.
    pub amount: Micros,
    /// The operator who fills it.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

/// The reply to [`FundBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funded {
    /// How much arrived, in micros.
    pub amount: Micros,
    /// What the treasury has left.
    pub treasury: Micros,
}

impl Command for FundBudget {
    type Machine = System;
    type Reply = Funded;

    fn decide(self, system: &System, context: &Context<'_>) -> Decided<Self> {
        let Self { project, amount, by, reason } = self;
        if system.outbox.is_busy_with(context) {
            return Err(Refusal::UnderWay);
        }
        if amount > system.treasury {
            let (required, available) = (amount, system.treasury);
            return Err(Refusal::TreasuryTooSmall { required, available });
        }
        let action = format!("fund the budget of {project} with {amount} PRIV").into();
        let events = vec![Event::OperatorActed { by, action, reason }];
        let (id, purpose) = (ExchangeId::new(context.fresh), Purpose::Budget);
        system.send(events, Transfer { id, to: project, amount, purpose }, context)
    }
}
