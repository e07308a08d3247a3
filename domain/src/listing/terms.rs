//! The terms on which a listing is sold now, as a buyer's side sees them before it orders.

use super::Listing;
use crate::entity::EntityId;
use crate::market::{License, ListingStatus, files_hash};
use crate::message::NotSold;
use crate::money::Micros;

/// What a listing is sold for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleTerms {
    /// Of the listing as a whole.
    pub version: u32,
    /// What is paid, in micros.
    pub price: Micros,
    /// See [`crate::market::Order::terms_version`].
    pub terms_version: u32,
    /// See [`crate::market::Order::license`].
    pub license: License,
    /// See [`crate::market::Order::contents`].
    pub contents: u32,
    /// See [`crate::market::Order::files_hash`].
    pub files_hash: [u8; 32],
    /// See [`crate::market::Order::title`].
    pub title: Box<str>,
    /// See [`crate::market::Order::seller`].
    pub seller: EntityId,
}

impl Listing {
    /// The terms on which it is sold now, or why it can't be bought; `None` if it was never
    /// offered.
    #[must_use]
    pub fn terms(&self) -> Option<Result<SaleTerms, NotSold>> {
        let offer = self.offer.as_deref()?;
        let current = offer.current()?;
        if let Err(why) = self.is_for_sale(offer) {
            return Some(Err(why));
        }
        Some(Ok(SaleTerms {
            version: offer.version,
            price: offer.price,
            terms_version: offer.terms_version,
            license: offer.license,
            contents: current.number,
            files_hash: files_hash(&current.files),
            title: offer.title.clone(),
            seller: offer.seller.clone(),
        }))
    }

    /// Whether it is sold to anybody at all, whatever the terms. A buyer is told first that it is
    /// sold out, then that it is paused or delisted.
    ///
    /// # Errors
    /// [`NotSold::SoldOut`] or [`NotSold::NotActive`].
    pub(super) fn is_for_sale(&self, offer: &super::Offer) -> Result<(), NotSold> {
        if self.is_sold_out() {
            return Err(NotSold::SoldOut);
        }
        match offer.status {
            ListingStatus::Active => Ok(()),
            ListingStatus::Paused | ListingStatus::Delisted => {
                Err(NotSold::NotActive(offer.status))
            }
        }
    }
}
