//! Paying out what sales brought in: to the seller and to the protocol, once a second at most, one
//! transfer to each at a time.

use super::{Due, Event, Listing, Offer};
use crate::entity::EntityId;
use crate::exchange::{OpenTransfer, Sendable};
use crate::id::ExchangeId;
use crate::machine::{Context, Decision, OutgoingMessage};
use crate::market::{Fees, License, ListingStatus, Proceeds};
use crate::money::Micros;
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer, UserPurpose};

/// Milliseconds between two payouts. A first sale is paid out at once; those that follow closely
/// go together.
pub const PAYOUT_EVERY_MILLIS: i64 = 1_000;

/// Whether what is due may go now.
pub(super) fn is_time(listing: &Listing, now: Timestamp) -> bool {
    listing.outbox.is_empty() && now >= listing.paid_out_at.plus_millis(PAYOUT_EVERY_MILLIS)
}

pub(super) fn wakes_at(listing: &Listing) -> Option<Timestamp> {
    let waits = !listing.due.total().is_zero() && listing.outbox.is_empty();
    waits.then(|| listing.paid_out_at.plus_millis(PAYOUT_EVERY_MILLIS))
}

/// What a payout tells the seller of the listing's status: that it was delisted by a sale to one
/// buyer alone, which is final. What its seller did to it is no news to them, and would be wrong
/// where the payout comes late and they have done something else since.
pub(super) fn news(listing: &Listing) -> ListingStatus {
    let is_exclusive = |offer: &Offer| offer.license == License::Exclusive;
    match listing.offer.as_deref() {
        Some(offer) if is_exclusive(offer) && listing.is_sold_out() => ListingStatus::Delisted,
        Some(_) | None => ListingStatus::Active,
    }
}

/// Sends what is due, and tells the seller whether the listing is for sale.
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
        id: ExchangeId::new(context.fresh.saturating_add(1)),
        to: EntityId::system(context.me.environment),
        amount: due.fees.total(),
        purpose: Purpose::Fees(due.fees),
    });
    let transfers = || to_seller.iter().chain(&to_protocol);
    let open = |transfer: &Transfer| OpenTransfer { exchange: transfer.clone(), asked: None };
    let events = transfers().map(|transfer| Event::TransferOpened(open(transfer))).collect();
    (events, transfers().map(Sendable::offer).collect())
}

pub(super) fn take_back(listing: &Listing, id: ExchangeId) -> Decision<Listing> {
    match listing.outbox.get(id) {
        Some(open) => {
            let amount = open.exchange.amount;
            Decision::because(vec![Event::TransferReturned { id, amount }])
        }
        None => Decision::nothing(),
    }
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
