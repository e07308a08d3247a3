//! Buying a listing, and rating what was bought.

use super::{Bought, Event, MAX_PURCHASES, Refusal, Reply, User, sell};
use crate::entity::EntityId;
use crate::id::{ListingId, PurchaseId, TransferId};
use crate::machine::{Answer, Context, Decision, ReplyToken};
use crate::market::{License, Order, Purchase, Rating};
use crate::message::{NotSold, Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{Asked, OpenTransfer, offer};

/// Something to buy.
#[derive(Clone, Debug)]
pub struct NewPurchase {
    /// Which listing.
    pub listing: ListingId,
    /// On which terms, as the buyer's side has just seen them; or why it can't be bought. The
    /// listing has the last word.
    pub seen: Result<SeenTerms, NotSold>,
    /// The price that the buyer expects, if they insist on one.
    pub expected_price: Option<Micros>,
    /// The listing's version that the buyer expects, if they insist on one.
    pub expected_version: Option<u32>,
}

/// What a listing is sold for.
#[derive(Clone, Debug)]
pub struct SeenTerms {
    /// Of the listing.
    pub version: u32,
    /// What is paid.
    pub price: Micros,
    /// See [`Order::terms_version`].
    pub terms_version: u32,
    /// See [`Order::license`].
    pub license: License,
    /// See [`Order::contents`].
    pub contents: u32,
    /// See [`Order::files_hash`].
    pub files_hash: [u8; 32],
    /// See [`Order::title`].
    pub title: Box<str>,
    /// See [`Order::seller`].
    pub seller: EntityId,
}

/// The guards, in the order in which a buyer is told of them: what they own they get, whatever has
/// become of the listing since.
pub(super) fn buy(
    user: &User,
    new: NewPurchase,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    let NewPurchase { listing, seen, expected_price, expected_version } = new;
    if let Some(purchase) = user.purchase_of(listing) {
        let (purchase, bought) = (Box::new(purchase.clone()), Bought::Before);
        return Ok(Decision::reply(Reply::Purchased { listing, purchase, bought }));
    }
    if user.became().is_some() {
        return Err(Refusal::BecamePerson);
    }
    if sell::is_under_way(user, context) {
        return Err(Refusal::ClaimUnderWay);
    }
    if let Some(asked) = buying(user, listing) {
        // The same wish twice at once is one purchase, and both get it.
        return Ok(Decision::of(Vec::new(), Answer::Later(asked.reply_token)));
    }
    let seen = seen?;
    if seen.seller == *context.me {
        return Err(NotSold::OwnListing.into());
    }
    if expected_price.is_some_and(|expected| expected != seen.price) {
        return Err(Refusal::PriceChanged { price: seen.price, version: seen.version });
    }
    if expected_version.is_some_and(|expected| expected != seen.version) {
        return Err(NotSold::VersionChanged { version: seen.version }.into());
    }
    if seen.price > user.available {
        let (available, price) = (user.available, seen.price);
        return Err(Refusal::InsufficientBalance { available, price });
    }
    let own = user.market.as_ref().map_or(0, |market| market.purchases.len());
    if own >= MAX_PURCHASES {
        return Err(Refusal::TooMany { what: "purchases", limit: MAX_PURCHASES });
    }
    if user.outbox.is_full() {
        return Err(Refusal::TooMuchUnderWay);
    }
    Ok(order(listing, seen, expected_version, context))
}

fn order(
    listing: ListingId,
    seen: SeenTerms,
    expected_version: Option<u32>,
    context: &Context<'_>,
) -> Decision<User> {
    let order = Order {
        purchase: PurchaseId::new(context.fresh),
        terms_version: seen.terms_version,
        expected_version,
        license: seen.license,
        contents: seen.contents,
        files_hash: seen.files_hash,
        title: seen.title,
        seller: seen.seller,
    };
    let transfer = Transfer {
        id: TransferId::new(context.fresh),
        to: EntityId::listing(context.me.environment, listing),
        amount: seen.price,
        purpose: Purpose::Purchase(Box::new(order)),
    };
    let messages = vec![offer(&transfer)];
    let reply_token = ReplyToken(context.fresh);
    let asked = Some(Asked { reply_token, request: context.request });
    let events = vec![Event::TransferOpened(OpenTransfer { transfer, asked })];
    Decision::of(events, Answer::Later(reply_token)).sending(messages)
}

/// The request that is buying a listing.
fn buying(user: &User, listing: ListingId) -> Option<Asked> {
    let mut open = user.outbox.iter().filter(|open| open.transfer.to.as_listing() == Some(listing));
    open.find(|open| matches!(open.transfer.purpose, Purpose::Purchase(_)))?.asked
}

/// The purchase that an open transfer becomes when it is settled.
pub(super) fn bought_by(open: &OpenTransfer) -> Option<(ListingId, Purchase)> {
    let Purpose::Purchase(order) = &open.transfer.purpose else { return None };
    let listing = open.transfer.to.as_listing()?;
    let price = open.transfer.amount;
    Some((listing, Purchase { order: order.as_ref().clone(), price, stars: None }))
}

pub(super) fn rate(
    user: &User,
    listing: ListingId,
    stars: u8,
    comment: Option<Box<str>>,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    let purchase = user.purchase_of(listing).ok_or(Refusal::NotBought)?.order.purchase;
    // One at a time, so that the last one that was answered is the one that counts.
    let rates = |open: &OpenTransfer| match &open.transfer.purpose {
        Purpose::Rating(rating) => rating.purchase == purchase,
        Purpose::Claim(_)
        | Purpose::Budget
        | Purpose::Grant
        | Purpose::Link(_)
        | Purpose::Publish(_)
        | Purpose::Change(_)
        | Purpose::Purchase(_)
        | Purpose::Proceeds(_)
        | Purpose::Fees(_) => false,
    };
    if user.outbox.iter().any(rates) {
        return Err(Refusal::ChangeUnderWay);
    }
    let rating = Rating { purchase, stars, comment };
    let to = EntityId::listing(context.me.environment, listing);
    sell::tell(user, to, Purpose::Rating(Box::new(rating)), context)
}
