//! Payouts: the seller's part of sales to the seller, the fees to the protocol, at most once a
//! second and with one transfer to each at a time.

use super::{Due, Event, Listing, Offer};
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::{OpenTransfer, Sendable, forget};
use crate::id::ExchangeId;
use crate::machine::Decision;
use crate::market::{Fees, License, ListingStatus, Proceeds};
use crate::message::OutgoingMessage;
use crate::money::Micros;
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer, UserPurpose};

/// The least time between two payouts, in milliseconds. A first sale is paid out at once; those
/// that follow closely are paid out together.
pub const PAYOUT_EVERY_MILLIS: i64 = 1_000;

/// Whether a payout may be opened now.
pub(super) fn is_time(listing: &Listing, now: Timestamp) -> bool {
    listing.outbox.is_empty() && now >= listing.paid_out_at.plus_millis(PAYOUT_EVERY_MILLIS)
}

pub(super) fn wakes_at(listing: &Listing) -> Option<Timestamp> {
    let waits = !listing.due.total().is_zero() && listing.outbox.is_empty();
    waits.then(|| listing.paid_out_at.plus_millis(PAYOUT_EVERY_MILLIS))
}

/// The status that a payout tells the seller: that an exclusive sale delisted the listing, which is
/// final. Their own changes are no news to them, and would be wrong if the payout came late and
/// they had changed it again since.
pub(super) fn news(listing: &Listing) -> ListingStatus {
    let is_exclusive = |offer: &Offer| offer.license == License::Exclusive;
    match listing.offer.as_deref() {
        Some(offer) if is_exclusive(offer) && listing.is_sold_out() => ListingStatus::Delisted,
        Some(_) | None => ListingStatus::Active,
    }
}

/// Opens payouts of what is due, and tells the seller the status.
pub(super) fn begin(
    listing: &Listing,
    due: Due,
    status: ListingStatus,
    context: &Context<'_>,
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let Some(sold) = listing.offer.as_deref() else { return (Vec::new(), Vec::new()) };
    let to_seller = (!due.proceeds.is_zero()).then(|| Transfer {
        id: ExchangeId::new(context.fresh),
        to: sold.seller.clone(),
        amount: due.proceeds,
        purpose: Purpose::ToUser(UserPurpose::Proceeds(Proceeds { sales: due.sales, status })),
    });
    let to_protocol = (!due.fees.total().is_zero()).then(|| Transfer {
        id: ExchangeId::new(context.fresh_id(1)),
        to: EntityId::system(context.me.environment),
        amount: due.fees.total(),
        purpose: Purpose::Fees(due.fees),
    });
    let transfers = || to_seller.iter().chain(&to_protocol);
    let open = |transfer: &Transfer| OpenTransfer { exchange: transfer.clone(), asked: None };
    let events = transfers().map(|transfer| Event::TransferOpened(open(transfer))).collect();
    (events, transfers().map(Sendable::offer).collect())
}

pub(super) fn take_back(listing: &Listing, from: EntityId, id: ExchangeId) -> Decision<Listing> {
    let events = listing.outbox.answered_by(&from, id).map(|open| {
        let amount = open.exchange.amount;
        Event::TransferReturned { id, amount }
    });
    Decision::because(events.into_iter().collect()).sending(vec![forget(id, from)])
}

pub(super) fn apply_opened(listing: &mut Listing, open: &OpenTransfer, at: Timestamp) {
    let due = &mut listing.due;
    match &open.exchange.purpose {
        Purpose::ToUser(UserPurpose::Proceeds(proceeds)) => {
            due.proceeds = Micros::ZERO;
            let left = due.sales.checked_sub(proceeds.sales);
            due.sales = left.expect("what is paid out was sold");
        }
        Purpose::Fees(_) => due.fees = Fees::default(),
        Purpose::ToUser(UserPurpose::Claim(_) | UserPurpose::Grant | UserPurpose::Link(_))
        | Purpose::Budget
        | Purpose::Order(_) => unreachable!("a listing opens payouts only"),
    }
    listing.paid_out_at = at;
    listing.outbox.open(open.clone());
}

pub(super) fn apply_returned(listing: &mut Listing, id: ExchangeId) {
    let Some(open) = listing.outbox.close(id) else { return };
    let due = &mut listing.due;
    match &open.exchange.purpose {
        Purpose::ToUser(UserPurpose::Proceeds(proceeds)) => {
            due.proceeds.credit(open.exchange.amount);
            due.sales =
                due.sales.checked_add(proceeds.sales).expect("sales are counted in 32 bits");
        }
        Purpose::Fees(fees) => due.fees = due.fees.and(*fees),
        Purpose::ToUser(UserPurpose::Claim(_) | UserPurpose::Grant | UserPurpose::Link(_))
        | Purpose::Budget
        | Purpose::Order(_) => unreachable!("a listing opens payouts only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{forget, unfunded};
    use crate::id::ClaimId;
    use crate::machine::Machine;
    use crate::message::{Message, NotTaken};
    use crate::testing::*;
    use crate::transfer::PartId;

    fn fees(fees: u64) -> Fees {
        Fees { burned: micros(fees), ..Fees::default() }
    }

    fn due(proceeds: u64, sales: u32, due_fees: u64) -> Due {
        Due { proceeds: micros(proceeds), sales, fees: fees(due_fees) }
    }

    /// A listing that owes 97 of one sale to its seller, and 3 to the protocol.
    fn owing() -> UnderTest<Listing> {
        offered().with(|listing| listing.due = due(97, 1, 3))
    }

    fn to_seller(id: u128, amount: u64, sales: u32, status: ListingStatus) -> Transfer {
        let purpose = Purpose::ToUser(UserPurpose::Proceeds(Proceeds { sales, status }));
        Transfer { id: ExchangeId::new(id), to: person("seller"), amount: micros(amount), purpose }
    }

    fn to_protocol(id: u128, amount: u64) -> Transfer {
        let purpose = Purpose::Fees(fees(amount));
        Transfer { id: ExchangeId::new(id), to: system(), amount: micros(amount), purpose }
    }

    /// Wakes a listing, and carries out what it decides.
    fn wake(listing: &mut UnderTest<Listing>) -> Vec<OutgoingMessage> {
        let decision = listing.decide_awake(&listing.context());
        listing.apply(&decision.events);
        decision.messages
    }

    #[test]
    fn what_is_due_goes_to_seller_and_protocol() {
        let active = ListingStatus::Active;
        let seller = |amount, sales| to_seller(fresh(1), amount, sales, active);
        let protocol = |amount| to_protocol(fresh(1) + 1, amount);
        // The amounts that are due; the transfers that are sent.
        let rows = [
            (due(97, 1, 3), vec![seller(97, 1), protocol(3)]),
            (due(970, 10, 30), vec![seller(970, 10), protocol(30)]),
            (due(5, 1, 0), vec![seller(5, 1)]),
            (due(0, 0, 3), vec![protocol(3)]),
            (due(0, 1, 0), vec![]),
            (due(0, 0, 0), vec![]),
        ];
        for (due, expected) in rows {
            let mut listing = offered().with(|listing| listing.due = due);
            let messages = wake(&mut listing);
            assert_eq!(messages, expected.iter().map(Sendable::offer).collect::<Vec<_>>());
            assert_eq!(listing.outstanding(&listing.me), messages, "offered again after a crash");
            let nothing =
                Due { sales: if messages.is_empty() { due.sales } else { 0 }, ..Due::default() };
            assert_eq!(listing.due, nothing);
            let paid_out_at = if expected.is_empty() { Timestamp::EPOCH } else { NOW };
            assert_eq!(listing.paid_out_at, paid_out_at);
        }
    }

    #[test]
    fn a_listing_wakes_a_second_after_it_paid_out_last() {
        let at = |millis| Some(NOW.plus_millis(millis));
        fn paying(listing: &mut Listing) {
            let exchange = to_protocol(fresh(7), 3);
            listing.outbox.open(OpenTransfer { exchange, asked: None });
        }
        type Row = (fn(&mut Listing), Option<Timestamp>);
        let rows: [Row; 5] = [
            (|_| (), at(PAYOUT_EVERY_MILLIS)),
            (|listing| listing.due = due(0, 0, 1), at(PAYOUT_EVERY_MILLIS)),
            (|listing| listing.due = due(1, 1, 0), at(PAYOUT_EVERY_MILLIS)),
            (|listing| listing.due = due(0, 1, 0), None),
            (paying, None),
        ];
        for (place, (change, expected)) in rows.into_iter().enumerate() {
            let mut listing = owing().with(|listing| listing.paid_out_at = NOW);
            change(&mut listing);
            assert_eq!(listing.wakes_at(), expected, "row {place}");
        }
        // A sale is paid out at once if that time has come.
        let listing = owing().with(|listing| listing.paid_out_at = NOW);
        let rows = [(0, false), (PAYOUT_EVERY_MILLIS - 1, false), (PAYOUT_EVERY_MILLIS, true)];
        for (millis, expected) in rows {
            assert_eq!(is_time(&listing, NOW.plus_millis(millis)), expected, "{millis}");
        }
        let listing = listing.with(paying);
        assert!(!is_time(&listing, NOW.plus_millis(PAYOUT_EVERY_MILLIS)), "one at a time");
    }

    #[test]
    fn what_was_refused_is_due_again() {
        let mut listing = owing();
        wake(&mut listing);
        listing.due = due(10, 2, 4);
        let (seller, protocol) = (ExchangeId::new(fresh(1)), ExchangeId::new(fresh(1) + 1));
        let refused = |exchange| Message::Refused { exchange, why: NotTaken::Busy };
        let step = listing.hear(&person("seller"), refused(seller));
        let amount = micros(97);
        assert_eq!(step.events, [Event::TransferReturned { id: seller, amount }]);
        assert_eq!(
            (step.messages, listing.due),
            (vec![forget(seller, person("seller"))], due(107, 3, 4))
        );
        assert_eq!(listing.wakes_at(), None, "one is under way");
        listing.hear(&system(), refused(protocol));
        assert_eq!(listing.due, due(107, 3, 7));
        assert_eq!(listing.wakes_at(), Some(NOW.plus_millis(PAYOUT_EVERY_MILLIS)));
        let before = (*listing).clone();
        assert_eq!(listing.hear(&system(), refused(exchange_id(5))).events, []);
        listing.apply(&[Event::TransferReturned { id: protocol, amount: micros(0) }]);
        assert_eq!(*listing, before, "what ended before ends once");
    }

    #[test]
    fn what_was_accepted_is_settled_and_forgotten() {
        let mut listing = owing();
        wake(&mut listing);
        let id = ExchangeId::new(fresh(1));
        let accepted = Message::Accepted { exchange: id, summary: None };
        assert!(listing.can_defer(&accepted));
        let step = listing.hear(&person("seller"), accepted);
        assert_eq!(step.events, [Event::TransferSettled { id }]);
        assert_eq!(step.messages, [forget(id, person("seller"))]);
        assert_eq!((listing.due, listing.outbox.iter().count()), (Due::default(), 1));
    }

    #[test]
    fn a_seller_learns_with_the_money_that_a_sale_was_the_last() {
        use License::{Exclusive, Limited, Unlimited};
        use ListingStatus::{Active, Delisted, Paused};
        // The license, the sales, the status; what the seller is told.
        let rows = [
            (Unlimited, 1, Active, Active),
            (Exclusive, 1, Delisted, Delisted),
            (Exclusive, 0, Delisted, Active),
            // Their own changes are no news to them.
            (Unlimited, 1, Paused, Active),
            (Unlimited, 1, Delisted, Active),
            (Limited, 1, Active, Active),
        ];
        for (license, sales, status, told) in rows {
            let mut listing = owing().with(|listing| {
                (listing.offered().license, listing.offered().status) = (license, status);
                listing.offered().max_sales = Some(1);
                listing.sold(sales);
            });
            let messages = wake(&mut listing);
            assert_eq!(messages[0], to_seller(fresh(1), 97, 1, told).offer(), "{license:?}");
        }
        // A listing that was never offered has nothing to tell.
        let decision = Listing::default().decide_awake(&owing().context());
        assert_eq!((decision.events, decision.messages), (vec![], vec![]));
    }

    #[test]
    fn what_is_no_listings_business_changes_nothing() {
        let part = PartId { claim: ClaimId::new(1), part: 0 };
        let exchange = exchange_id(5);
        // The message; the answer, and whether it can wait.
        let rows = [
            (Message::Fund { part, amount: micros(5) }, Some(unfunded(part, person("ada"))), false),
            (Message::Unfunded { part }, None, false),
            (
                Message::Refused { exchange, why: NotTaken::Busy },
                Some(forget(exchange, person("ada"))),
                false,
            ),
            (
                Message::Accepted { exchange, summary: None },
                Some(forget(exchange, person("ada"))),
                true,
            ),
            (Message::Forget { exchange }, None, true),
        ];
        for (message, answer, can_defer) in rows {
            let mut listing = owing();
            let before = (*listing).clone();
            let step = listing.hear(&person("ada"), message.clone());
            assert_eq!((step.events, step.messages), (vec![], answer.into_iter().collect()));
            assert_eq!(*listing, before);
            assert_eq!(listing.can_defer(&message), can_defer, "{message:?}");
        }
    }
}
