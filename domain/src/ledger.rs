//! The chart of accounts, and the postings that move money between them.
//!
//! A [`Posting`] takes an amount from one account and puts it into another, so any set of postings
//! sums to zero. Two accounts stand outside the system: money comes from `Minted` and goes to
//! `Burned`, so all other accounts together hold what was minted less what was burned.

use std::collections::BTreeMap;

use crate::entity::{EntityId, Kind};
use crate::money::Micros;

/// The class of an account. Each entity has at most one account of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountClass {
    /// The source of all money: its balance is minus what was minted.
    Minted,
    /// The end of money that is taken out of circulation.
    Burned,
    /// The protocol's own money, from which budgets are filled.
    Treasury,
    /// The protocol's money for rewards that no project pays.
    Pool,
    /// The stakers' share of fees, owed to them.
    Stakers,
    /// Reward budgets of projects.
    Budget,
    /// The balances that users can spend.
    User,
    /// Money in open transfers: it has left the payer and not reached the payee.
    InFlight,
    /// What listings have taken from buyers and have not paid out.
    Listing,
    /// What sellers were paid for sales and have not claimed.
    Proceeds,
}

impl AccountClass {
    /// All classes, in the order in which they are declared.
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

    /// The class's name in the API.
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

/// One account: the class, and the entity that holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// The class of the account.
    pub class: AccountClass,
    /// The entity that holds it.
    pub owner: EntityId,
}

/// `amount` leaves `debit` and arrives in `credit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account that gives.
    pub debit: Account,
    /// The account that takes.
    pub credit: Account,
    /// The amount that moves, in micros.
    pub amount: Micros,
}

impl Posting {
    /// A posting between two accounts of one entity.
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

/// Sums by account class, in micros. An `i128` is wide enough for any number of postings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialBalance {
    sums: BTreeMap<AccountClass, i128>,
}

impl TrialBalance {
    /// Adds both sides of a posting.
    pub fn post(&mut self, posting: &Posting) {
        let amount = i128::from(posting.amount.get());
        self.add(posting.debit.class, amount.saturating_neg());
        self.add(posting.credit.class, amount);
    }

    /// Adds to one class only, for reading stored sums and for summing up states.
    pub fn add(&mut self, class: AccountClass, micros: i128) {
        let sum = self.sums.entry(class).or_default();
        *sum = sum.saturating_add(micros);
    }

    /// The sum of a class, in micros; that of [`AccountClass::Minted`] is negative.
    #[must_use]
    pub fn of(&self, class: AccountClass) -> i128 {
        self.sums.get(&class).copied().unwrap_or_default()
    }

    /// The sum over all classes, minted and burned among them, in micros. Anything but 0 means that
    /// money was lost or made.
    #[must_use]
    pub fn difference(&self) -> i128 {
        self.sums.values().fold(0, |sum, micros| sum.saturating_add(*micros))
    }
}
