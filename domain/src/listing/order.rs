//! What a listing accepts: the offer and its changes from the seller, orders and ratings from
//! buyers.

use std::sync::Arc;

use super::{Contents, Due, Event, Listing, ListingSummary, MAX_CONTENTS, Offer, payout};
use crate::entity::{EntityId, Kind};
use crate::exchange::{Exchange, Received, Sendable, is_good, refused};
use crate::id::ExchangeId;
use crate::machine::{Context, Decision, OutgoingMessage};
use crate::market::{Change, Draft, Fees, File, License, ListingStatus, Order, Rating};
use crate::message::{Message, NotSold, NotTaken};
use crate::money::Micros;
use crate::proposal::{Content, Proposal};
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer};

pub(super) fn receive(
    listing: &Listing,
    from: EntityId,
    exchange: Exchange,
    context: &Context<'_>,
) -> Decision<Listing> {
    let id = exchange.id();
    if listing.inbox.has(id) {
        return Decision::answering(accepted(listing, context.me, id, from));
    }
    if let Err(why) = may_accept(listing, &from, &exchange, context) {
        return Decision::answering(refused(id, from, why));
    }
    let accepted = match &exchange {
        Exchange::Proposal(Proposal {
            content: Content::Publish(_) | Content::Change(_), ..
        }) => {
            // Only the seller makes and changes it, one change at a time.
            let mut after = listing.clone();
            apply(&mut after, &from, &exchange, context.now);
            accepted(&after, context.me, id, from.clone())
        }
        Exchange::Proposal(_) | Exchange::Transfer(_) => {
            accepted(listing, context.me, id, from.clone())
        }
    };
    let (opened, offers) = paid_out_with(listing, &exchange, context);
    let mut messages = vec![accepted];
    messages.extend(offers);
    let mut events = vec![Event::ExchangeAccepted { from, exchange }];
    events.extend(opened);
    Decision::because(events).sending(messages)
}

/// What a sale brings in is paid out at once where nothing was a moment ago.
fn paid_out_with(
    listing: &Listing,
    exchange: &Exchange,
    context: &Context<'_>,
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let Exchange::Transfer(Transfer { amount, purpose: Purpose::Order(order), .. }) = exchange
    else {
        return (Vec::new(), Vec::new());
    };
    if !payout::is_time(listing, context.now) {
        return (Vec::new(), Vec::new());
    }
    let mut due = listing.due;
    add_sale(&mut due, *amount);
    payout::begin(listing, due, status_after(order), context)
}

/// Whether a listing that has sold on these terms is for sale still.
fn status_after(order: &Order) -> ListingStatus {
    match order.license {
        License::Exclusive => ListingStatus::Delisted,
        License::SingleUse | License::Limited | License::Unlimited => ListingStatus::Active,
    }
}

/// The acceptance of what came from `to`. A seller gets the listing's summary with it.
fn accepted(
    listing: &Listing,
    me: &EntityId,
    exchange: ExchangeId,
    to: EntityId,
) -> OutgoingMessage {
    let summary = summary(listing, me, &to);
    OutgoingMessage { to, message: Message::Accepted { exchange, summary } }
}

/// The acceptance of what was accepted before.
pub(super) fn acceptance(listing: &Listing, me: &EntityId, received: &Received) -> OutgoingMessage {
    accepted(listing, me, received.id, received.from.clone())
}

fn summary(listing: &Listing, me: &EntityId, to: &EntityId) -> Option<Box<ListingSummary>> {
    let is_sellers = listing.offer.as_ref().is_some_and(|offer| offer.seller == *to);
    if !is_sellers {
        return None;
    }
    listing.summary(me.as_listing()?).map(Box::new)
}

fn may_accept(
    listing: &Listing,
    from: &EntityId,
    exchange: &Exchange,
    context: &Context<'_>,
) -> Result<(), NotTaken> {
    if from.kind != Kind::User {
        return Err(NotTaken::NoSuchPayee);
    }
    if listing.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    if !is_good(exchange.id(), context.now) {
        return Err(NotTaken::NotAwaited);
    }
    let offer = listing.offer.as_deref();
    match exchange {
        Exchange::Transfer(transfer) => match (&transfer.purpose, offer) {
            (Purpose::Order(order), Some(offer)) => {
                may_sell(listing, offer, from, order, transfer).map_err(NotTaken::NotSold)
            }
            (Purpose::Order(_) | Purpose::ToUser(_) | Purpose::Budget | Purpose::Fees(_), _) => {
                Err(NotTaken::NoSuchPayee)
            }
        },
        Exchange::Proposal(proposal) => match (&proposal.content, offer) {
            (Content::Publish(_), None) | (Content::Rate(_), Some(_)) => Ok(()),
            (Content::Change(change), Some(offer)) if offer.seller == *from => {
                may_change(listing, offer, change).map_err(NotTaken::NotSold)
            }
            (Content::Publish(_) | Content::Change(_) | Content::Rate(_), _) => {
                Err(NotTaken::NoSuchPayee)
            }
        },
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
    listing.is_for_sale(offer)?;
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

pub(super) fn apply(listing: &mut Listing, from: &EntityId, exchange: &Exchange, at: Timestamp) {
    listing.inbox.take(exchange.id(), from.clone(), false, at);
    match exchange {
        Exchange::Transfer(transfer) => {
            let Purpose::Order(order) = &transfer.purpose else {
                unreachable!("a listing accepts orders only")
            };
            apply_sale(listing, order, transfer.amount);
        }
        Exchange::Proposal(proposal) => match &proposal.content {
            Content::Publish(draft) => {
                listing.offer = Some(Box::new(published(from, draft, at)));
            }
            Content::Change(change) => {
                let offer = listing.offer.as_mut().expect("only what was offered is changed");
                apply_change(offer, change, at);
            }
            Content::Rate(rating) => apply_rating(listing, rating, proposal.id),
        },
    }
}

fn apply_rating(listing: &mut Listing, rating: &Rating, id: ExchangeId) {
    let given = listing.ratings.entry(rating.purchase).or_insert((0, id));
    // A late repeat of an earlier rating does not undo a later one.
    if given.1 <= id {
        *given = (rating.stars, id);
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
    offer.version = next(offer.version);
    if terms_changed {
        offer.terms_version = next(offer.terms_version);
    }
    offer.updated_at = at;
}

/// Puts other files in the place of the current ones; what was sold stays for its buyers. Says
/// whether they differ.
fn change_files(offer: &mut Offer, files: &Arc<[File]>) -> bool {
    let Some(current) = offer.contents.last_mut() else { return false };
    if current.files == *files {
        return false;
    }
    let number = next(current.number);
    let next = Contents { number, sales: 0, files: files.clone() };
    if current.sales == 0 {
        *current = next;
    } else {
        offer.contents.push(next);
    }
    true
}

fn apply_sale(listing: &mut Listing, order: &Order, price: Micros) {
    listing.sales = listing.sales.checked_add(1).expect("sales are counted in 32 bits");
    add_sale(&mut listing.due, price);
    let offer = listing.offer.as_mut().expect("only what was offered is sold");
    let sold = offer.contents.iter_mut().find(|contents| contents.number == order.contents);
    let contents = sold.expect("what is sold is kept");
    contents.sales = contents.sales.checked_add(1).expect("sales are counted in 32 bits");
    if offer.license == License::Exclusive {
        offer.status = ListingStatus::Delisted;
        offer.version = next(offer.version);
    }
}

fn add_sale(due: &mut Due, price: Micros) {
    let fees = Fees::of(price);
    due.fees = due.fees.and(fees);
    due.proceeds.credit(price.saturating_sub(fees.total()));
    due.sales = due.sales.checked_add(1).expect("sales are counted in 32 bits");
}

/// The version, or the number of contents, that follows.
fn next(version: u32) -> u32 {
    version.checked_add(1).expect("versions are counted in 32 bits")
}
