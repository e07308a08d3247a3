//! Making money.

use super::{Event, Refusal, System};
use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::ledger::AccountClass;
use crate::machine::{Answer, Command, Context, Decided, Decision};
use crate::money::Micros;
use crate::transfer::{Purpose, Transfer, UserPurpose};

/// Makes money.
#[derive(Clone, Debug)]
pub struct Mint {
    /// How much, in micros.
    pub amount: Micros,
    /// For whom.
    pub to: MintTo,
    /// The operator who mints.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Box<str>,
}

/// Where minted money goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MintTo {
    /// Into the treasury.
    Treasury,
    /// Into the pool.
    Pool,
    /// To a user, by way of the treasury.
    User(EntityId),
}

/// The reply to [`Mint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minted {
    /// How much, in micros.
    pub amount: Micros,
    /// Minted in all, after it.
    pub minted: Micros,
}

impl Command for Mint {
    type Machine = System;
    type Reply = Minted;

    fn decide(self, system: &System, context: &Context<'_>) -> Decided<Self> {
        let Self { amount, to, by, reason } = self;
        if system.outbox.is_busy_with(context) {
            return Err(Refusal::UnderWay);
        }
        // All money was minted once, so no account can ever hold more than fits.
        let minted = system.minted.checked_add(amount).ok_or(Refusal::TooMuch)?;
        let into = match to {
            MintTo::Treasury | MintTo::User(_) => AccountClass::Treasury,
            MintTo::Pool => AccountClass::Pool,
        };
        let events = vec![Event::Minted { amount, into, by, reason }];
        match to {
            MintTo::Treasury | MintTo::Pool => {
                Ok(Decision::of(events, Answer::Now(Minted { amount, minted })))
            }
            MintTo::User(to) => {
                let id = ExchangeId::new(context.fresh);
                let purpose = Purpose::ToUser(UserPurpose::Grant);
                system.send(events, Transfer { id, to, amount, purpose }, context)
            }
        }
    }
}
