//! What a user had before each of their records: `apply`'s money rules, turned around.
//!
//! Streams of balances that are resumed show every change that was missed; the state is known as it
//! is now only, so the records since are taken back one by one.

use super::{Event, User};
use crate::exchange::{Exchange, Sendable};
use crate::journal_point::{Position, Version};
use crate::machine::Entity;
use crate::money::Micros;
use crate::transfer::{LinkedAccrual, Purpose, Transfer, UserPurpose};

/// What a user has after one of their records. Signed, so that nothing is lost where a record that
/// can't be is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserMoney {
    /// The record's version.
    pub version: Version,
    /// Where the record stands in the journal.
    pub position: Position,
    /// Earned and not yet funded, in micros.
    pub pending: i128,
    /// What can be spent, in micros.
    pub balance: i128,
    /// Earned in all, in micros.
    pub earned_total: i128,
}

impl UserMoney {
    /// Of a user as they are.
    #[must_use]
    pub fn of(user: &Entity<User>) -> Self {
        Self {
            version: user.version,
            position: user.position,
            pending: user.machine.pending().get().into(),
            balance: user.machine.available.get().into(),
            earned_total: user.machine.earned_total().get().into(),
        }
    }

    /// Whether it differs in more than its place.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        (self.pending, self.balance, self.earned_total)
            != (other.pending, other.balance, other.earned_total)
    }

    /// What the user had before an event after which they had this.
    #[must_use]
    pub fn before(self, event: &Event) -> Self {
        match event {
            Event::EventsRecorded { earned, .. } => self.without_earned(*earned),
            Event::ContributionReviewed { reward, .. } => self.without_earned(*reward),
            Event::TransferAccepted { transfer, .. } => self.before_accepted(transfer),
            Event::ExchangeOpened(open) => {
                let linked = match &open.exchange {
                    Exchange::Transfer(Transfer {
                        purpose: Purpose::ToUser(UserPurpose::Link(linked)),
                        ..
                    }) => linked.accruals.as_slice(),
                    Exchange::Transfer(_) | Exchange::Proposal(_) => &[],
                };
                self.with_balance(open.exchange.amount()).with_accruals(linked)
            }
            Event::ExchangeReturned { amount, .. } => self.without_balance(*amount),
            Event::ClaimOpened(claim) => {
                self.without_balance(claim.funded_at_once()).with_pending(claim.funded_at_once())
            }
            Event::PrivacyControlSeen
            | Event::ConsentChanged(_)
            | Event::ContributionAdded { .. }
            | Event::ContributionDeleted { .. }
            | Event::ClaimPartUnfunded { .. }
            | Event::ClaimClosed { .. }
            | Event::ExchangeSettled { .. }
            | Event::ExchangeForgotten { .. }
            | Event::WalletBound { .. } => self,
        }
    }

    fn before_accepted(self, transfer: &Transfer) -> Self {
        let amount = transfer.amount;
        match &transfer.purpose {
            Purpose::ToUser(UserPurpose::Proceeds(_)) => self.without_earned(amount),
            Purpose::ToUser(UserPurpose::Claim(_)) => {
                self.without_balance(amount).with_pending(amount)
            }
            Purpose::ToUser(UserPurpose::Link(linked)) => {
                self.without_balance(amount).without_accruals(&linked.accruals)
            }
            Purpose::ToUser(UserPurpose::Grant)
            | Purpose::Budget
            | Purpose::Fees(_)
            | Purpose::Order(_) => self.without_balance(amount),
        }
    }

    fn with_balance(mut self, amount: Micros) -> Self {
        self.balance = self.balance.saturating_add(amount.get().into());
        self
    }

    fn without_balance(mut self, amount: Micros) -> Self {
        self.balance = self.balance.saturating_sub(amount.get().into());
        self
    }

    fn with_pending(mut self, amount: Micros) -> Self {
        self.pending = self.pending.saturating_add(amount.get().into());
        self
    }

    fn without_earned(mut self, amount: Micros) -> Self {
        self.pending = self.pending.saturating_sub(amount.get().into());
        self.earned_total = self.earned_total.saturating_sub(amount.get().into());
        self
    }

    fn with_accruals(mut self, accruals: &[LinkedAccrual]) -> Self {
        for accrual in accruals {
            let (pending, total) = sums(accrual);
            self.pending = self.pending.saturating_add(pending);
            self.earned_total = self.earned_total.saturating_add(total);
        }
        self
    }

    fn without_accruals(mut self, accruals: &[LinkedAccrual]) -> Self {
        for accrual in accruals {
            let (pending, total) = sums(accrual);
            self.pending = self.pending.saturating_sub(pending);
            self.earned_total = self.earned_total.saturating_sub(total);
        }
        self
    }
}

/// What is pending, and what was earned in all, with one payer.
fn sums(accrual: &LinkedAccrual) -> (i128, i128) {
    let (pending, claimed) = (i128::from(accrual.pending.get()), accrual.claimed.get().into());
    (pending, pending.saturating_add(claimed))
}
