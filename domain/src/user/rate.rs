//! Rating what was bought.

use super::{Refusal, User, exchanges};
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::{ExchangeId, ListingId, PurchaseId};
use crate::machine::{Command, Context, Decided};
use crate::market::Rating;
use crate::proposal::{Content, Proposal};

/// Rates a listing that the user has bought; a later rating takes the place of an earlier one.
#[derive(Clone, Debug)]
pub struct RateListing {
    /// The listing.
    pub listing: ListingId,
    /// 1 to 5, checked at the edge.
    pub stars: u8,
    /// At most 1,000 characters, checked at the edge.
    pub comment: Option<Box<str>>,
}

/// The reply to [`RateListing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rated {
    /// The purchase that was rated.
    pub purchase: PurchaseId,
    /// 1 to 5.
    pub stars: u8,
}

impl Command for RateListing {
    type Machine = User;
    type Reply = Rated;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { listing, stars, comment } = self;
        let purchase = user.purchase_of(listing).ok_or(Refusal::NotBought)?.order.purchase;
        // One at a time, so that the last one that was answered is the one that counts.
        if is_rating(user, purchase) {
            return Err(Refusal::ChangeUnderWay);
        }
        if user.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let proposal = Proposal {
            id: ExchangeId::new(context.fresh),
            to: EntityId::listing(context.me.environment, listing),
            content: Content::Rate(Box::new(Rating { purchase, stars, comment })),
        };
        Ok(exchanges::open(Exchange::Proposal(proposal), context).decision())
    }
}

fn is_rating(user: &User, purchase: PurchaseId) -> bool {
    user.outbox.iter().any(|open| match &open.exchange {
        Exchange::Proposal(Proposal { content: Content::Rate(rating), .. }) => {
            rating.purchase == purchase
        }
        Exchange::Proposal(_) | Exchange::Transfer(_) => false,
    })
}

pub(super) fn rated(rating: &Rating) -> Rated {
    Rated { purchase: rating.purchase, stars: rating.stars }
}

pub(super) fn apply_settled(user: &mut User, listing: &EntityId, rating: &Rating) {
    let listing = listing.as_listing().expect("ratings go to listings");
    if let Some(purchase) = user.market_mut().purchases.get_mut(&listing) {
        purchase.stars = Some(rating.stars);
    }
}
