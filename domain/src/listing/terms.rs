//! The terms on which a listing sells now, as they are read for a buyer before the order.

use super::Listing;
use crate::entity::EntityId;
use crate::market::{License, ListingStatus, files_hash};
use crate::message::NotSold;
use crate::money::Micros;

/// The terms on which a listing sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleTerms {
    /// The version of the listing as a whole.
    pub version: u32,
    /// The price of one purchase, in micros.
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
    /// The terms on which it sells now, or the reason why it can't be bought; `None` if it was
    /// never offered.
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
    /// sold out, and only then that it is paused or delisted.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::Contents;
    use crate::testing::{files_of, micros, offered, person};
    use License::{Exclusive, Limited, SingleUse, Unlimited};
    use ListingStatus::{Active, Delisted, Paused};

    #[test]
    fn a_buyer_is_told_first_that_it_is_sold_out() {
        let sold_out = Some(NotSold::SoldOut);
        // The license, the most sales, the sales so far, the status; the refusal.
        let rows = [
            (Unlimited, None, 9, Active, None),
            (SingleUse, None, 9, Active, None),
            (Limited, Some(3), 2, Active, None),
            (Limited, Some(3), 3, Active, sold_out),
            (Limited, Some(3), 4, Active, sold_out),
            (Exclusive, None, 0, Active, None),
            (Exclusive, None, 1, Active, sold_out),
            (Exclusive, None, 1, Delisted, sold_out),
            (Limited, Some(3), 3, Paused, sold_out),
            (Unlimited, None, 0, Paused, Some(NotSold::NotActive(Paused))),
            (Unlimited, None, 0, Delisted, Some(NotSold::NotActive(Delisted))),
        ];
        for (license, max_sales, sales, status, expected) in rows {
            let listing = offered().with(|listing| {
                (listing.offered().license, listing.offered().max_sales) = (license, max_sales);
                listing.offered().status = status;
                listing.sold(sales);
            });
            let terms = listing.terms().expect("it is offered");
            assert_eq!(terms.err(), expected, "{license:?} {sales} {status:?}");
            assert_eq!(listing.is_sold_out(), expected == sold_out);
        }
    }

    #[test]
    fn the_terms_are_those_of_what_is_sold_now() {
        let listing = offered().with(|listing| {
            let offer = listing.offered();
            (offer.version, offer.terms_version, offer.license) = (7, 5, Limited);
            offer.max_sales = Some(3);
            offer.contents.push(Contents { number: 4, sales: 0, files: files_of(&[2, 3]) });
        });
        let expected = SaleTerms {
            version: 7,
            price: micros(100),
            terms_version: 5,
            license: Limited,
            contents: 4,
            files_hash: files_hash(&files_of(&[2, 3])),
            title: "Some files".into(),
            seller: person("seller"),
        };
        assert_eq!(listing.terms(), Some(Ok(expected)));
    }

    #[test]
    fn what_was_never_offered_has_no_terms() {
        let listing = Listing::default();
        assert_eq!(listing.terms(), None);
        assert!(!listing.is_sold_out());
    }
}
