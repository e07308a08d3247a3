//! Buying a listing: the buyer orders on terms that their side has seen, and the listing has the
//! last word.

use super::exchanges;
use super::{MAX_PURCHASES, Refusal, User};
use crate::entity::EntityId;
use crate::exchange::{Asked, Exchange};
use crate::id::{ExchangeId, ListingId, PurchaseId};
use crate::listing::SaleTerms;
use crate::machine::{Answer, Command, Context, Decided, Decision};
use crate::market::{Order, Purchase};
use crate::message::NotSold;
use crate::money::Micros;
use crate::transfer::{Purpose, Transfer};

/// Buys a listing.
#[derive(Clone, Debug)]
pub struct PurchaseListing {
    /// The listing.
    pub listing: ListingId,
    /// On which terms, as the buyer's side has just seen them; or why it can't be bought. The
    /// listing has the last word.
    pub seen: Result<SaleTerms, NotSold>,
    /// The price in micros that the buyer expects, if they insist on one.
    pub expected_price: Option<Micros>,
    /// The listing's version that the buyer expects, if they insist on one.
    pub expected_version: Option<u32>,
}

/// The end of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchased {
    /// The listing that was bought.
    pub listing: ListingId,
    /// The purchase, on the terms on which it was made.
    pub purchase: Purchase,
    /// Whether it was bought by this request.
    pub bought: Bought,
}

/// Whether a purchase is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bought {
    /// It was paid for now.
    Now,
    /// It was paid for before, and is not paid for again.
    Before,
}

impl Command for PurchaseListing {
    type Machine = User;
    type Reply = Purchased;

    /// The guards stand in the order in which a buyer is told of them: what they own they get,
    /// whatever has become of the listing since.
    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { listing, seen, expected_price, expected_version } = self;
        if let Some(purchase) = user.purchase_of(listing) {
            let (purchase, bought) = (purchase.clone(), Bought::Before);
            return Ok(Decision::reply(Purchased { listing, purchase, bought }));
        }
        if user.became().is_some() {
            return Err(Refusal::BecamePerson);
        }
        if user.outbox.is_busy_with(context) {
            return Err(Refusal::RequestUnderWay);
        }
        if let Some(asked) = buying(user, listing) {
            // The same request twice at once is one purchase, and both get it.
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
        let transfer = order(listing, seen, expected_version, context);
        Ok(exchanges::open(Exchange::Transfer(transfer), context).decision())
    }
}

impl Refusal {
    /// Whether a purchase was refused because of the terms that it was tried on: on other terms it
    /// may be made.
    #[must_use]
    pub fn is_about_terms(&self) -> bool {
        matches!(
            self,
            Self::NotSold(_) | Self::PriceChanged { .. } | Self::InsufficientBalance { .. }
        )
    }
}

/// The transfer that pays for a listing, with the terms on which it is ordered.
fn order(
    listing: ListingId,
    seen: SaleTerms,
    expected_version: Option<u32>,
    context: &Context<'_>,
) -> Transfer {
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
    Transfer {
        id: ExchangeId::new(context.fresh),
        to: EntityId::listing(context.me.environment, listing),
        amount: seen.price,
        purpose: Purpose::Order(Box::new(order)),
    }
}

/// The request that is buying a listing.
fn buying(user: &User, listing: ListingId) -> Option<Asked> {
    user.outbox.iter().find_map(|open| match &open.exchange {
        Exchange::Transfer(Transfer { to, purpose: Purpose::Order(_), .. })
            if to.as_listing() == Some(listing) =>
        {
            open.asked
        }
        Exchange::Transfer(_) | Exchange::Proposal(_) => None,
    })
}

/// The purchase that a transfer makes when it is settled.
pub(super) fn purchased(transfer: &Transfer, order: &Order) -> Purchased {
    let listing = transfer.to.as_listing().expect("orders go to listings");
    let purchase = Purchase { order: order.clone(), price: transfer.amount, stars: None };
    Purchased { listing, purchase, bought: Bought::Now }
}

pub(super) fn apply_settled(user: &mut User, transfer: &Transfer, order: &Order) {
    let Purchased { listing, purchase, .. } = purchased(transfer, order);
    user.market_mut().purchases.insert(listing, purchase);
}
