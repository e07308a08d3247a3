//! What comes in and goes out by transfer.

use super::{Bought, Event, Linked, Links, MAX_LINKED, OwnListing, Reply, User, claim, purchase};
use crate::consent::ConsentRecord;
use crate::earning::Payer;
use crate::entity::EntityId;
use crate::id::TransferId;
use crate::listing::ListingSummary;
use crate::machine::{Answer, Completed, Context, Decision, OutgoingMessage};
use crate::market::{ListingStatus, Proceeds};
use crate::message::{LinkedAccrual, Message, NotTaken, PartId, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{OpenTransfer, accepted, forget, is_good};
use crate::time::Timestamp;

pub(super) fn decide(
    user: &User,
    from: EntityId,
    message: Message,
    context: &Context<'_>,
) -> Decision<User> {
    match message {
        Message::Offer(transfer) => decide_offer(user, from, transfer, context),
        Message::Unfunded { part } => decide_unfunded(user, part, context),
        Message::Accepted { transfer, summary } => decide_accepted(user, from, transfer, summary),
        Message::Refused { transfer, why } => decide_refused(user, transfer, why),
        Message::Forget { transfer } => decide_forget(user, transfer),
        // A user funds no claims.
        Message::Fund { part, .. } => Decision::nothing()
            .sending(vec![OutgoingMessage { to: from, message: Message::Unfunded { part } }]),
    }
}

fn decide_offer(
    user: &User,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<User> {
    if user.inbox.has(transfer.id) {
        return Decision::nothing().sending(vec![accepted(transfer.id, from)]);
    }
    if let Err(why) = may_take(user, &transfer, context) {
        let message = Message::Refused { transfer: transfer.id, why };
        return Decision::nothing().sending(vec![OutgoingMessage { to: from, message }]);
    }
    let end = match transfer.purpose {
        Purpose::Claim(part) => claim::end_with(user, part, transfer.amount, context),
        Purpose::Grant
        | Purpose::Budget
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Proceeds(_)
        | Purpose::Fees(_)
        | Purpose::Rating(_) => None,
    };
    let messages = vec![accepted(transfer.id, from.clone())];
    let adopted = adopted_consent(user, &transfer.purpose);
    let mut decision = with_end(Event::TransferAccepted { from, transfer }, end).sending(messages);
    decision.events.extend(adopted.map(|record| Event::ConsentChanged(Box::new(record))));
    decision
}

/// What a linked user had said holds for a person who was never asked.
fn adopted_consent(user: &User, purpose: &Purpose) -> Option<ConsentRecord> {
    match purpose {
        Purpose::Link(linked) if user.consent.is_none() => linked.consent.clone(),
        Purpose::Grant
        | Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Proceeds(_)
        | Purpose::Fees(_)
        | Purpose::Rating(_) => None,
    }
}

/// An answer of a payer's, and the end of the claim if it was the last.
fn with_end(answer: Event, end: Option<(Event, Completed<Reply>)>) -> Decision<User> {
    let mut decision = Decision::of(vec![answer], Answer::Nothing);
    if let Some((closed, completed)) = end {
        decision.events.push(closed);
        decision.completed = Some(completed);
    }
    decision
}

fn may_take(user: &User, transfer: &Transfer, context: &Context<'_>) -> Result<(), NotTaken> {
    match &transfer.purpose {
        Purpose::Claim(part) => match claim::awaiting(user, *part) {
            Some((_, part)) if transfer.amount <= part.amount => Ok(()),
            Some(_) | None => Err(NotTaken::NotAwaited),
        },
        // Whoever became someone else has nothing that they could spend.
        Purpose::Link(_) | Purpose::Grant if user.became().is_some() => Err(NotTaken::NoSuchPayee),
        Purpose::Link(_) | Purpose::Grant if is_good(transfer.id, context.now) => Ok(()),
        Purpose::Link(_) | Purpose::Grant => Err(NotTaken::NotAwaited),
        // Paid already: whoever they have become, it is theirs.
        Purpose::Proceeds(_) if is_good(transfer.id, context.now) => Ok(()),
        Purpose::Proceeds(_) => Err(NotTaken::NotAwaited),
        Purpose::Budget
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Fees(_)
        | Purpose::Rating(_) => Err(NotTaken::NoSuchPayee),
    }
}

fn decide_unfunded(user: &User, part: PartId, context: &Context<'_>) -> Decision<User> {
    match claim::awaiting(user, part) {
        Some(_) => with_end(
            Event::ClaimPartUnfunded { part },
            claim::end_with(user, part, Micros::ZERO, context),
        ),
        None => Decision::nothing(),
    }
}

fn decide_accepted(
    user: &User,
    from: EntityId,
    transfer: TransferId,
    summary: Option<Box<ListingSummary>>,
) -> Decision<User> {
    let forget = forget(transfer, from);
    let Some(open) = user.outbox.get(transfer) else {
        return Decision::nothing().sending(vec![forget]);
    };
    let events = vec![Event::TransferSettled { transfer }];
    let mut decision = Decision::of(events, Answer::Nothing).sending(vec![forget]);
    decision.completed = open.asked.map(|asked| Completed {
        reply_token: asked.reply_token,
        request: asked.request,
        reply: arrived(open, summary),
    });
    decision
}

/// What a request is answered whose transfer has arrived.
fn arrived(open: &OpenTransfer, summary: Option<Box<ListingSummary>>) -> Reply {
    match &open.transfer.purpose {
        Purpose::Link(linked) => {
            let pending = linked.accruals.iter().map(|accrual| accrual.pending);
            let moved_pending = pending.fold(Micros::ZERO, Micros::saturating_add);
            Reply::Linked(Linked { moved_balance: open.transfer.amount, moved_pending })
        }
        Purpose::Publish(_) | Purpose::Change(_) => summary.map_or(Reply::Noted, Reply::Listing),
        Purpose::Purchase(_) => match purchase::bought_by(open) {
            Some((listing, purchase)) => {
                Reply::Purchased { listing, purchase: Box::new(purchase), bought: Bought::Now }
            }
            None => Reply::Noted,
        },
        Purpose::Rating(rating) => Reply::Rated { purchase: rating.purchase, stars: rating.stars },
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Proceeds(_)
        | Purpose::Fees(_) => Reply::Noted,
    }
}

fn decide_refused(user: &User, transfer: TransferId, why: NotTaken) -> Decision<User> {
    let Some(open) = user.outbox.get(transfer) else { return Decision::nothing() };
    let amount = open.transfer.amount;
    let events = vec![Event::TransferReturned { transfer, amount }];
    let mut decision = Decision::of(events, Answer::Nothing);
    decision.completed = open.asked.map(|asked| Completed {
        reply_token: asked.reply_token,
        // What failed is not remembered: a repeat tries again.
        request: None,
        reply: Reply::NotTaken(why),
    });
    decision
}

fn decide_forget(user: &User, transfer: TransferId) -> Decision<User> {
    if !user.inbox.waits_for(transfer) {
        return Decision::nothing();
    }
    Decision::of(vec![Event::TransferForgotten { transfer }], Answer::Nothing)
}

pub(super) fn apply_accepted(user: &mut User, from: &EntityId, transfer: &Transfer, at: Timestamp) {
    let asked_for = matches!(transfer.purpose, Purpose::Claim(_));
    user.inbox.take(transfer.id, from.clone(), asked_for, at);
    match &transfer.purpose {
        Purpose::Proceeds(proceeds) => return take_proceeds(user, from, transfer, *proceeds),
        Purpose::Claim(part) => {
            if let Some(payer) = claim::answer_part(user, *part, transfer.amount) {
                let accrual = user.accrual_mut(payer);
                accrual.pending = accrual.pending.saturating_sub(transfer.amount);
                accrual.claimed = accrual.claimed.saturating_add(transfer.amount);
            }
        }
        Purpose::Link(linked) => {
            add_accruals(user, &linked.accruals);
            user.privacy_control_since =
                user.privacy_control_since.max(linked.privacy_control_since);
            let absorbed = &mut user.links_mut().absorbed;
            if absorbed.len() >= MAX_LINKED {
                absorbed.remove(0);
            }
            absorbed.push(from.key.as_ref().into());
        }
        Purpose::Grant
        | Purpose::Budget
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Fees(_)
        | Purpose::Rating(_) => {}
    }
    user.available = user.available.saturating_add(transfer.amount);
}

/// What buyers paid is the seller's, to be claimed.
fn take_proceeds(user: &mut User, listing: &EntityId, transfer: &Transfer, proceeds: Proceeds) {
    let sales = user.accrual_mut(Payer::Sales);
    sales.pending = sales.pending.saturating_add(transfer.amount);
    let Some(listing) = listing.as_listing() else { return };
    if proceeds.status == ListingStatus::Delisted
        && let Some(own) = user.market_mut().listings.get_mut(&listing)
    {
        own.status = ListingStatus::Delisted;
    }
}

fn add_accruals(user: &mut User, accruals: &[LinkedAccrual]) {
    for linked in accruals {
        let accrual = user.accrual_mut(linked.payer);
        accrual.pending = accrual.pending.saturating_add(linked.pending);
        accrual.claimed = accrual.claimed.saturating_add(linked.claimed);
        accrual.today = accrual.today.and(linked.today);
    }
}

pub(super) fn apply_opened(user: &mut User, open: &OpenTransfer) {
    user.available = user.available.saturating_sub(open.transfer.amount);
    if let Purpose::Link(_) = &open.transfer.purpose {
        user.links_mut().became = Some(open.transfer.to.clone());
        user.accruals.clear();
    }
    if let (Purpose::Publish(draft), Some(listing)) =
        (&open.transfer.purpose, open.transfer.to.as_listing())
    {
        let own = OwnListing::of(&draft.files, ListingStatus::Active);
        user.market_mut().listings.insert(listing, own);
    }
    user.outbox.open(open.clone());
}

pub(super) fn apply_settled(user: &mut User, transfer: TransferId) {
    let Some(open) = user.outbox.close(transfer) else { return };
    let listing = open.transfer.to.as_listing();
    match (&open.transfer.purpose, listing) {
        (Purpose::Purchase(_), _) => {
            if let Some((listing, purchase)) = purchase::bought_by(&open) {
                user.market_mut().purchases.insert(listing, purchase);
            }
        }
        (Purpose::Change(change), Some(listing)) => {
            if let Some(own) = user.market_mut().listings.get_mut(&listing) {
                let status = change.status.unwrap_or(own.status);
                match &change.files {
                    Some(files) => *own = OwnListing::of(files, status),
                    None => own.status = status,
                }
            }
        }
        (Purpose::Rating(rating), Some(listing)) => {
            if let Some(purchase) = user.market_mut().purchases.get_mut(&listing) {
                purchase.stars = Some(rating.stars);
            }
        }
        (
            Purpose::Change(_)
            | Purpose::Rating(_)
            | Purpose::Publish(_)
            | Purpose::Claim(_)
            | Purpose::Budget
            | Purpose::Grant
            | Purpose::Link(_)
            | Purpose::Proceeds(_)
            | Purpose::Fees(_),
            _,
        ) => {}
    }
}

pub(super) fn apply_returned(user: &mut User, transfer: TransferId, amount: Micros) {
    user.available = user.available.saturating_add(amount);
    let Some(open) = user.outbox.close(transfer) else { return };
    if let (Purpose::Publish(_), Some(listing)) =
        (&open.transfer.purpose, open.transfer.to.as_listing())
    {
        user.market_mut().listings.remove(&listing);
    }
    if let Purpose::Link(linked) = open.transfer.purpose {
        add_accruals(user, &linked.accruals);
        if let Some(links) = &mut user.links {
            links.became = None;
            if **links == Links::default() {
                user.links = None;
            }
        }
    }
}
