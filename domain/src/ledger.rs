//! The chart of accounts, and how money moves between them.
//!
//! A [`Posting`] takes an amount from one account and puts it into another, so any set of postings
//! sums to zero. Two accounts stand outside the system: `Minted` is where money comes from and
//! `Burned` where it goes; what one gave less what the other took is what all others hold.

use std::collections::BTreeMap;

use crate::entity::{EntityId, Kind};
use crate::money::Micros;

/// A class of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountClass {
    /// Where money comes from: its balance is minus what was minted.
    Minted,
    /// Where money goes to die.
    Burned,
    /// The protocol's own money, from which budgets are filled.
    Treasury,
    /// Pays rewards that no project pays.
    Pool,
    /// What stakers are owed.
    Stakers,
    /// Reward budgets of projects.
    Budget,
    /// What users can spend.
    User,
    /// Sent and not yet taken in.
    InFlight,
    /// What listings took in and have not passed on.
    Listing,
    /// What sellers have from sales and have not claimed.
    Proceeds,
}

impl AccountClass {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Minted,
        Self::Burned,
        Self::Treasury,
        Self::Pool,
        Self::Stakers,
        Self::Budget,
        Self::User,
        Self::InFlight,
        Self::Listing,
        Self::Proceeds,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minted => "minted",
            Self::Burned => "burned",
            Self::Treasury => "treasury",
            Self::Pool => "pool",
            Self::Stakers => "stakers",
            Self::Budget => "project_budgets",
            Self::User => "user_balances",
            Self::InFlight => "in_flight",
            Self::Listing => "listings",
            Self::Proceeds => "unclaimed_sales",
        }
    }

    /// The account class in which an entity keeps what it can spend.
    #[must_use]
    pub const fn spendable_of(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Project => Self::Budget,
            Kind::System => Self::Treasury,
            Kind::Listing => Self::Listing,
        }
    }
}

/// One account: a class, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// What kind of account.
    pub class: AccountClass,
    /// Whose.
    pub owner: EntityId,
}

/// `amount` leaves `debit` and arrives in `credit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account that gives.
    pub debit: Account,
    /// The account that takes.
    pub credit: Account,
    /// How much.
    pub amount: Micros,
}

impl Posting {
    /// Between two classes of one owner's accounts.
    #[must_use]
    pub fn within(
        owner: &EntityId,
        debit: AccountClass,
        credit: AccountClass,
        amount: Micros,
    ) -> Self {
        let account = |class| Account { class, owner: owner.clone() };
        Self { debit: account(debit), credit: account(credit), amount }
    }
}

/// Sums by account class, in micros. Wide enough for any number of postings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialBalance {
    sums: BTreeMap<AccountClass, i128>,
}

impl TrialBalance {
    /// Adds a posting.
    pub fn post(&mut self, posting: &Posting) {
        let amount = i128::from(posting.amount.get());
        self.add(posting.debit.class, amount.saturating_neg());
        self.add(posting.credit.class, amount);
    }

    /// Adds to one side only: for reading stored sums back, and for summing states.
    pub fn add(&mut self, class: AccountClass, micros: i128) {
        let sum = self.sums.entry(class).or_default();
        *sum = sum.saturating_add(micros);
    }

    /// What a class holds; minted is negative.
    #[must_use]
    pub fn of(&self, class: AccountClass) -> i128 {
        self.sums.get(&class).copied().unwrap_or_default()
    }

    /// Σ accounts + in flight − (minted − burned): 0, or something is wrong.
    #[must_use]
    pub fn difference(&self) -> i128 {
        self.sums.values().fold(0, |sum, micros| sum.saturating_add(*micros))
    }
}
