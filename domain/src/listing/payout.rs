//! Passing on what sales brought in: to the seller and to the protocol, once a second at most, one
//! transfer to each at a time.

use super::{Due, Event, Listing};
use crate::entity::EntityId;
use crate::id::TransferId;
use crate::machine::{Answer, Context, Decision, OutgoingMessage};
use crate::market::{ListingStatus, Proceeds};
use crate::message::{Message, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{OpenTransfer, forget, offer};
use crate::time::Timestamp;

/// Milliseconds between two times at which something is passed on. A first sale is passed on at
/// once; those that follow closely go together.
pub const PAYOUT_EVERY_MILLIS: i64 = 1_000;

/// Whether what is due may go now.
pub(super) fn is_time(listing: &Listing, now: Timestamp) -> bool {
    listing.outbox.iter().next().is_none()
        && now >= listing.paid_out_at.plus_millis(PAYOUT_EVERY_MILLIS)
}

pub(super) fn wakes_at(listing: &Listing) -> Option<Timestamp> {
    let waits = !listing.due.total().is_zero() && listing.outbox.iter().next().is_none();
    waits.then(|| listing.paid_out_at.plus_millis(PAYOUT_EVERY_MILLIS))
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
        id: TransferId::new(context.fresh),
        to: sold.seller.clone(),
        amount: due.proceeds,
        purpose: Purpose::Proceeds(Proceeds { sales: due.sales, status }),
    });
    let to_protocol = (!due.fees.total().is_zero()).then(|| Transfer {
        id: TransferId::new(context.fresh.saturating_add(1)),
        to: EntityId::system(context.me.environment),
        amount: due.fees.total(),
        purpose: Purpose::Fees(due.fees),
    });
    let transfers = || to_seller.iter().chain(&to_protocol);
    let open = |transfer: &Transfer| OpenTransfer { transfer: transfer.clone(), asked: None };
    let events = transfers().map(|transfer| Event::TransferOpened(open(transfer))).collect();
    (events, transfers().map(offer).collect())
}

/// What the answers of payees, and of payers who have settled, come to.
pub(super) fn settle(
    listing: &Listing,
    messages: &[(EntityId, Message)],
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let mut events = Vec::new();
    let mut answers = Vec::new();
    for (from, message) in messages {
        match message {
            Message::Accepted { transfer, .. } => {
                if listing.outbox.get(*transfer).is_some() {
                    events.push(Event::TransferSettled { transfer: *transfer });
                }
                // Also where it was settled before: the payee asks because it doesn't know.
                answers.push(forget(*transfer, from.clone()));
            }
            Message::Forget { transfer } if listing.inbox.waits_for(*transfer) => {
                events.push(Event::TransferForgotten { transfer: *transfer });
            }
            Message::Forget { .. }
            | Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Offer(_)
            | Message::Refused { .. } => {}
        }
    }
    (events, answers)
}

pub(super) fn take_back(listing: &Listing, transfer: TransferId) -> Decision<Listing> {
    match listing.outbox.get(transfer) {
        Some(open) => {
            let amount = open.transfer.amount;
            Decision::of(vec![Event::TransferReturned { transfer, amount }], Answer::Nothing)
        }
        None => Decision::nothing(),
    }
}

pub(super) fn apply_opened(listing: &mut Listing, open: &OpenTransfer, at: Timestamp) {
    match open.transfer.purpose {
        Purpose::Proceeds(proceeds) => {
            listing.due.proceeds = Micros::ZERO;
            listing.due.sales = listing.due.sales.saturating_sub(proceeds.sales);
        }
        Purpose::Fees(_) => listing.due.fees = crate::market::Fees::default(),
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Rating(_) => {}
    }
    listing.paid_out_at = at;
    listing.outbox.open(open.clone());
}

pub(super) fn apply_returned(listing: &mut Listing, transfer: TransferId) {
    let Some(open) = listing.outbox.close(transfer) else { return };
    let due = &mut listing.due;
    match open.transfer.purpose {
        Purpose::Proceeds(proceeds) => {
            due.proceeds = due.proceeds.saturating_add(open.transfer.amount);
            due.sales = due.sales.saturating_add(proceeds.sales);
        }
        Purpose::Fees(fees) => due.fees = due.fees.and(fees),
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Rating(_) => {}
    }
}
