//! What comes to a listing: the offer and its changes from the seller, orders and ratings from
//! buyers.

use super::{Contents, Event, Listing, MAX_CONTENTS, Offer, payout};
use crate::entity::{EntityId, Kind};
use crate::listing::ListingSummary;
use crate::machine::{Answer, Context, Decision, OutgoingMessage};
use crate::market::{Change, Draft, Fees, License, ListingStatus, Order};
use crate::message::{Message, NotSold, NotTaken, Purpose, Transfer};
use crate::outbox::{Received, is_good, refused};
use crate::time::Timestamp;

pub(super) fn decide(
    listing: &Listing,
    from: EntityId,
    transfer: Transfer,
    context: &Context<'_>,
) -> Decision<Listing> {
    let id = transfer.id;
    if listing.inbox.has(id) {
        let message =
            Message::Accepted { transfer: id, summary: summary(listing, context.me, &from) };
        return Decision::nothing().sending(vec![OutgoingMessage { to: from, message }]);
    }
    if let Err(why) = may_take(listing, &from, &transfer, context) {
        return Decision::nothing().sending(vec![refused(id, from, why)]);
    }
    let summary = match transfer.purpose {
        Purpose::Publish(_) | Purpose::Change(_) => {
            // Only the seller makes and changes it, one change at a time.
            let mut after = listing.clone();
            apply(&mut after, &from, &transfer, context.now);
            summary(&after, context.me, &from)
        }
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Purchase(_)
        | Purpose::Proceeds(_)
        | Purpose::Fees(_)
        | Purpose::Rating(_) => None,
    };
    let mut messages = vec![OutgoingMessage {
        to: from.clone(),
        message: Message::Accepted { transfer: id, summary },
    }];
    let (opened, offers) = paid_out_with(listing, &transfer, context);
    messages.extend(offers);
    let mut events = vec![Event::TransferAccepted { from, transfer }];
    events.extend(opened);
    Decision::of(events, Answer::Nothing).sending(messages)
}

/// What a sale brings in goes on at once where nothing went a moment ago.
fn paid_out_with(
    listing: &Listing,
    transfer: &Transfer,
    context: &Context<'_>,
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let Purpose::Purchase(order) = &transfer.purpose else { return (Vec::new(), Vec::new()) };
    if !payout::is_time(listing, context.now) {
        return (Vec::new(), Vec::new());
    }
    let mut due = listing.due;
    add_sale(&mut due, transfer);
    payout::begin(listing, due, status_after(order), context)
}

/// Whether a listing that has sold on these terms is for sale still.
fn status_after(order: &Order) -> ListingStatus {
    match order.license {
        License::Exclusive => ListingStatus::Delisted,
        License::SingleUse | License::Limited | License::Unlimited => ListingStatus::Active,
    }
}

/// The summary that goes with the acceptance of what the seller sent; nobody else needs it.
pub(super) fn summary_for(
    listing: &Listing,
    me: &EntityId,
    taken: &Received,
) -> Option<Box<ListingSummary>> {
    summary(listing, me, &taken.from)
}

fn summary(listing: &Listing, me: &EntityId, to: &EntityId) -> Option<Box<ListingSummary>> {
    let is_sellers = listing.offer.as_ref().is_some_and(|offer| offer.seller == *to);
    if !is_sellers {
        return None;
    }
    listing.summary(me.as_listing()?).map(Box::new)
}

fn may_take(
    listing: &Listing,
    from: &EntityId,
    transfer: &Transfer,
    context: &Context<'_>,
) -> Result<(), NotTaken> {
    if from.kind != Kind::User {
        return Err(NotTaken::NoSuchPayee);
    }
    if listing.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    if !is_good(transfer.id, context.now) {
        return Err(NotTaken::NotAwaited);
    }
    match (&transfer.purpose, listing.offer.as_deref()) {
        (Purpose::Publish(_), None) if transfer.amount.is_zero() => Ok(()),
        (Purpose::Change(change), Some(offer)) if offer.seller == *from => {
            may_change(listing, offer, change).map_err(NotTaken::NotSold)
        }
        (Purpose::Purchase(order), Some(offer)) => {
            may_sell(listing, offer, from, order, transfer).map_err(NotTaken::NotSold)
        }
        (Purpose::Rating(_), Some(_)) if transfer.amount.is_zero() => Ok(()),
        (
            Purpose::Publish(_)
            | Purpose::Change(_)
            | Purpose::Purchase(_)
            | Purpose::Rating(_)
            | Purpose::Claim(_)
            | Purpose::Budget
            | Purpose::Grant
            | Purpose::Link(_)
            | Purpose::Proceeds(_)
            | Purpose::Fees(_),
            _,
        ) => Err(NotTaken::NoSuchPayee),
    }
}

/// The guards of a sale, in the order in which a buyer is told of them.
fn may_sell(
    listing: &Listing,
    offer: &Offer,
    buyer: &EntityId,
    order: &Order,
    transfer: &Transfer,
) -> Result<(), NotSold> {
    if offer.seller == *buyer {
        return Err(NotSold::OwnListing);
    }
    if listing.is_sold_out() {
        return Err(NotSold::SoldOut);
    }
    match offer.status {
        ListingStatus::Active => {}
        ListingStatus::Paused | ListingStatus::Delisted => {
            return Err(NotSold::NotActive(offer.status));
        }
    }
    if order.terms_version != offer.terms_version || transfer.amount != offer.price {
        let (version, price) = (offer.version, offer.price);
        return Err(NotSold::TermsChanged { version, price });
    }
    if order.expected_version.is_some_and(|expected| expected != offer.version) {
        return Err(NotSold::VersionChanged { version: offer.version });
    }
    Ok(())
}

fn may_change(listing: &Listing, offer: &Offer, change: &Change) -> Result<(), NotSold> {
    if change.if_version.is_some_and(|expected| expected != offer.version) {
        return Err(NotSold::VersionChanged { version: offer.version });
    }
    let sales = listing.sales;
    let license = change.license.unwrap_or(offer.license);
    let fits = match license {
        // What was sold to one alone stays theirs alone, and what others have is not exclusive.
        License::Exclusive => sales == 0 || offer.license == License::Exclusive,
        License::Limited | License::SingleUse | License::Unlimited
            if offer.license == License::Exclusive =>
        {
            sales == 0
        }
        License::Limited => {
            let most = change.max_sales.or(offer.max_sales);
            most.is_some_and(|most| sales <= most)
        }
        License::SingleUse | License::Unlimited => true,
    };
    if !fits {
        return Err(NotSold::HasSales { sales });
    }
    let sold_out = license == License::Exclusive && sales > 0;
    if sold_out && change.status.is_some_and(|status| status != ListingStatus::Delisted) {
        return Err(NotSold::SoldOut);
    }
    let keeps_current = offer.current().is_some_and(|current| current.sales > 0);
    if change.files.is_some() && keeps_current && offer.contents.len() >= MAX_CONTENTS {
        return Err(NotSold::TooManyContents);
    }
    Ok(())
}

pub(super) fn apply(listing: &mut Listing, from: &EntityId, transfer: &Transfer, at: Timestamp) {
    listing.inbox.take(transfer.id, from.clone(), false, at);
    match &transfer.purpose {
        Purpose::Publish(draft) => {
            listing.offer = Some(Box::new(published(from, draft, at)));
        }
        Purpose::Change(change) => {
            if let Some(offer) = &mut listing.offer {
                apply_change(offer, change, at);
            }
        }
        Purpose::Purchase(order) => apply_sale(listing, order, transfer),
        Purpose::Rating(rating) => {
            let given = listing.ratings.entry(rating.purchase).or_insert((0, transfer.id));
            // A late repeat of an earlier rating does not undo a later one.
            if given.1 <= transfer.id {
                *given = (rating.stars, transfer.id);
            }
        }
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Proceeds(_)
        | Purpose::Fees(_) => {}
    }
}

fn published(seller: &EntityId, draft: &Draft, at: Timestamp) -> Offer {
    Offer {
        seller: seller.clone(),
        created_at: at,
        updated_at: at,
        version: 1,
        terms_version: 1,
        status: ListingStatus::Active,
        title: draft.title.clone(),
        description: draft.description.clone(),
        tags: draft.tags.clone(),
        price: draft.price,
        license: draft.license,
        max_sales: draft.max_sales,
        contents: vec![Contents { number: 1, sales: 0, files: draft.files.clone() }],
    }
}

fn apply_change(offer: &mut Offer, change: &Change, at: Timestamp) {
    let before = (offer.title.clone(), offer.price, offer.license);
    let Change {
        if_version: _,
        title,
        description,
        tags,
        price,
        license,
        max_sales,
        files,
        status,
    } = change;
    if let Some(title) = title {
        offer.title.clone_from(title);
    }
    if let Some(description) = description {
        offer.description.clone_from(description);
    }
    if let Some(tags) = tags {
        offer.tags.clone_from(tags);
    }
    offer.price = price.unwrap_or(offer.price);
    offer.license = license.unwrap_or(offer.license);
    offer.max_sales = match offer.license {
        License::Limited => max_sales.or(offer.max_sales),
        License::SingleUse | License::Unlimited | License::Exclusive => None,
    };
    offer.status = status.unwrap_or(offer.status);
    let mut terms_changed = before != (offer.title.clone(), offer.price, offer.license);
    if let Some(files) = files {
        terms_changed |= change_files(offer, files);
    }
    offer.version = offer.version.saturating_add(1);
    if terms_changed {
        offer.terms_version = offer.terms_version.saturating_add(1);
    }
    offer.updated_at = at;
}

/// Puts other files in the place of the current ones; what was sold stays for its buyers. Says
/// whether they differ.
fn change_files(offer: &mut Offer, files: &std::sync::Arc<[crate::market::File]>) -> bool {
    let Some(current) = offer.contents.last_mut() else { return false };
    if current.files == *files {
        return false;
    }
    let number = current.number.saturating_add(1);
    let next = Contents { number, sales: 0, files: files.clone() };
    if current.sales == 0 {
        *current = next;
    } else {
        offer.contents.push(next);
    }
    true
}

fn apply_sale(listing: &mut Listing, order: &Order, transfer: &Transfer) {
    listing.sales = listing.sales.saturating_add(1);
    add_sale(&mut listing.due, transfer);
    let Some(offer) = &mut listing.offer else { return };
    let sold = offer.contents.iter_mut().find(|contents| contents.number == order.contents);
    if let Some(contents) = sold {
        contents.sales = contents.sales.saturating_add(1);
    }
    if offer.license == License::Exclusive {
        offer.status = ListingStatus::Delisted;
        offer.version = offer.version.saturating_add(1);
    }
}

fn add_sale(due: &mut super::Due, transfer: &Transfer) {
    let fees = Fees::of(transfer.amount);
    due.fees = due.fees.and(fees);
    due.proceeds = due.proceeds.saturating_add(transfer.amount.saturating_sub(fees.total()));
    due.sales = due.sales.saturating_add(1);
}
