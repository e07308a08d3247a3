//! The money that a user had before each of their records: `apply`'s money rules, turned around.
//!
//! A stream of balances that is resumed shows every change that was missed. Only the state as it is
//! now is known, so the records since are taken back one by one.

use super::{Event, User, without_money};
use crate::exchange::{Exchange, Sendable};
use crate::journal_point::{Position, Version};
use crate::machine::Entity;
use crate::money::Micros;
use crate::transfer::{LinkedAccrual, Purpose, Transfer, UserPurpose};

/// The money that a user has after one of their records. Signed, so that nothing is lost even if a
/// record that can't have been is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserMoney {
    /// The record's version.
    pub version: Version,
    /// The record's position in the journal.
    pub position: Position,
    /// Earned and not yet funded, in micros.
    pub pending: i128,
    /// The balance that can be spent, in micros.
    pub balance: i128,
    /// All that was ever earned, in micros.
    pub earned_total: i128,
}

impl UserMoney {
    /// The money that a user has now.
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

    /// Whether the money differs, whatever the version and position.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        (self.pending, self.balance, self.earned_total)
            != (other.pending, other.balance, other.earned_total)
    }

    /// The money before an event, given the money after it. Exact except for a link that was
    /// refused: its return does not tell what had been earned, so `pending` and `earned_total` are
    /// not lowered there, and are raised once too often where the link was opened.
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
            without_money!() => self,
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

/// The pending amount, and all that was earned, with one payer.
fn sums(accrual: &LinkedAccrual) -> (i128, i128) {
    let (pending, claimed) = (i128::from(accrual.pending.get()), accrual.claimed.get().into());
    (pending, pending.saturating_add(claimed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contribution::ReviewDecision;
    use crate::earning::{DayEarnings, Payer};
    use crate::exchange::OpenExchange;
    use crate::id::{ClaimId, ExchangeId};
    use crate::market::{Change, ListingStatus, Proceeds};
    use crate::proposal::Content;
    use crate::testing::*;
    use crate::transfer::{LinkedUser, PartId};
    use crate::user::{ClaimPart, OpenClaim};

    const PROJECT: Payer = Payer::Project(project_id(1));

    fn part(payer: Payer, amount: u64, funded: Option<u64>) -> ClaimPart {
        ClaimPart { payer, amount: micros(amount), funded: funded.map(micros) }
    }

    fn claim(n: u128, parts: &[ClaimPart]) -> OpenClaim {
        OpenClaim { id: ClaimId::new(n), request: None, parts: parts.to_vec() }
    }

    fn part_id(part: u32) -> PartId {
        PartId { claim: ClaimId::new(1), part }
    }

    fn accrual(payer: Payer, pending: u64, claimed: u64) -> LinkedAccrual {
        let today = DayEarnings::default();
        LinkedAccrual { payer, pending: micros(pending), claimed: micros(claimed), today }
    }

    fn link(accruals: &[LinkedAccrual]) -> Purpose {
        let linked = LinkedUser { accruals: accruals.to_vec(), ..LinkedUser::default() };
        Purpose::ToUser(UserPurpose::Link(Box::new(linked)))
    }

    /// Ada can spend 1,000, and has earned 100 with a project and 20 by sales. An open claim asks
    /// the project for 60.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| {
            ada.available = micros(1_000);
            ada.earns(PROJECT, 100);
            ada.earns(Payer::Sales, 20);
            ada.contributes(1);
            ada.claims.push(claim(1, &[part(PROJECT, 60, None)]));
            ada.orders(1, tag(1));
            ada.changes(2, Change::default(), tag(2));
        })
    }

    fn accepted(purpose: Purpose, amount: u64) -> Event {
        let transfer = transfer(9, person("ada"), amount, purpose);
        Event::TransferAccepted { from: person("bob"), transfer }
    }

    fn opened(exchange: Exchange) -> Event {
        Event::ExchangeOpened(OpenExchange { exchange, asked: None })
    }

    fn to_user(purpose: UserPurpose) -> Purpose {
        Purpose::ToUser(purpose)
    }

    #[test]
    fn each_event_is_taken_back_as_it_was_applied() {
        let order = Purpose::Order(Box::new(order_of(3)));
        let sold = Proceeds { sales: 1, status: ListingStatus::Active };
        let reviewed = |reward| Event::ContributionReviewed {
            id: contribution_id(1),
            decision: ReviewDecision::Approved,
            reward: micros(reward),
            by: "op".into(),
            reason: None,
        };
        let (id, sha256) = (contribution_id(1), [0; 32]);
        let record = ada().with(|ada| ada.consents(true)).consent.clone().expect("agreed");
        let recorded =
            Event::EventsRecorded { project: project_id(1), events: Vec::new(), earned: micros(7) };
        let at_once = claim(2, &[part(Payer::Sales, 15, Some(15)), part(PROJECT, 5, None)]);
        let asked = claim(2, &[part(PROJECT, 5, None)]);
        let brought = [accrual(PROJECT, 3, 4), accrual(Payer::Pool, 5, 6)];
        let given = [accrual(PROJECT, 100, 0)];
        // The event; its changes to pending, balance and all that was earned.
        let rows: [(Event, [i128; 3]); 24] = [
            (recorded, [7, 0, 7]),
            (Event::PrivacyControlSeen, [0, 0, 0]),
            (Event::ConsentChanged(record), [0, 0, 0]),
            (Event::ClaimOpened(at_once), [-15, 15, 0]),
            (Event::ClaimOpened(asked), [0, 0, 0]),
            (Event::ClaimPartUnfunded { part: part_id(0) }, [0, 0, 0]),
            (Event::ClaimClosed { claim: ClaimId::new(1) }, [0, 0, 0]),
            (accepted(to_user(UserPurpose::Claim(part_id(0))), 50), [-50, 50, 0]),
            (accepted(to_user(UserPurpose::Grant), 8), [0, 8, 0]),
            (accepted(to_user(UserPurpose::Proceeds(sold)), 9), [9, 0, 9]),
            (accepted(link(&brought), 11), [8, 11, 18]),
            (accepted(link(&[]), 11), [0, 11, 0]),
            (opened(Exchange::Transfer(transfer(9, listing(3), 12, order))), [0, -12, 0]),
            (opened(Exchange::Proposal(proposal(9, 3, rating(3, 5)))), [0, 0, 0]),
            (Event::ExchangeSettled { id: exchange_id(1) }, [0, 0, 0]),
            (Event::ExchangeReturned { id: exchange_id(1), amount: micros(100) }, [0, 100, 0]),
            (Event::ExchangeReturned { id: exchange_id(2), amount: micros(0) }, [0, 0, 0]),
            (Event::ExchangeForgotten { id: exchange_id(1) }, [0, 0, 0]),
            (Event::WalletBound { address: [1; 20] }, [0, 0, 0]),
            (Event::ContributionAdded { id, contribution: contribution(1) }, [0, 0, 0]),
            (reviewed(0), [0, 0, 0]),
            (reviewed(6), [6, 0, 6]),
            (Event::ContributionDeleted { id, sha256 }, [0, 0, 0]),
            (
                opened(Exchange::Proposal(proposal(9, 2, Content::Change(Box::default())))),
                [0, 0, 0],
            ),
        ];
        for (event, [pending, balance, earned_total]) in rows {
            let mut ada = ada();
            let before = UserMoney::of(&ada.entity);
            ada.apply(std::slice::from_ref(&event));
            let after = UserMoney::of(&ada.entity);
            let changed = [
                after.pending.saturating_sub(before.pending),
                after.balance.saturating_sub(before.balance),
                after.earned_total.saturating_sub(before.earned_total),
            ];
            assert_eq!(changed, [pending, balance, earned_total], "{event:?}");
            let taken_back = after.before(&event);
            assert!(!taken_back.differs_from(&before), "{event:?}: {taken_back:?}");
            let place = (taken_back.version, taken_back.position);
            assert_eq!(place, (after.version, after.position), "its place is the caller's matter");
            let differs = [pending, balance, earned_total] != [0, 0, 0];
            assert_eq!(after.differs_from(&before), differs, "{event:?}");
        }
        // A link takes all that was earned along.
        let mut bob = user("bob").with(|bob| {
            bob.available = micros(1_000);
            bob.earns(PROJECT, 100);
        });
        let before = UserMoney::of(&bob.entity);
        let event = opened(Exchange::Transfer(transfer(9, person("ada"), 1_000, link(&given))));
        bob.apply(std::slice::from_ref(&event));
        let after = UserMoney::of(&bob.entity);
        assert_eq!((after.pending, after.balance, after.earned_total), (0, 0, 0));
        assert!(!after.before(&event).differs_from(&before));
    }

    #[test]
    fn what_is_no_users_is_taken_back_as_money() {
        let order = Purpose::Order(Box::new(order_of(3)));
        for purpose in [Purpose::Budget, Purpose::Fees(crate::market::Fees::default()), order] {
            let after = UserMoney::of(&ada().entity);
            let before = after.before(&accepted(purpose, 10));
            assert_eq!((before.pending, before.balance, before.earned_total), (120, 990, 120));
        }
    }

    #[test]
    fn what_differs_is_an_amount() {
        let money = UserMoney::of(&ada().entity);
        let rows = [
            (UserMoney { version: money.version.next(), ..money }, false),
            (UserMoney { position: money.position.next(), ..money }, false),
            (UserMoney { pending: 1, ..money }, true),
            (UserMoney { balance: 1, ..money }, true),
            (UserMoney { earned_total: 1, ..money }, true),
        ];
        for (other, differs) in rows {
            assert_eq!(money.differs_from(&other), differs, "{other:?}");
        }
    }

    /// Taking back a record that can't have been loses nothing.
    #[test]
    fn sums_may_be_negative_and_end_nowhere() {
        let mut money = UserMoney::of(&ada().entity);
        for _ in 0..3 {
            money = money.before(&accepted(to_user(UserPurpose::Grant), u64::MAX));
        }
        assert_eq!(money.balance, 1_000 - 3 * i128::from(u64::MAX));
        let id = ExchangeId::new(1);
        let money = money.before(&Event::ExchangeReturned { id, amount: micros(5) });
        assert_eq!(money.balance, 995 - 3 * i128::from(u64::MAX));
    }
}
