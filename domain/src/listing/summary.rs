//! The summary of a listing as its state has it.

use super::Listing;
use crate::id::ListingId;
use crate::listing_summary::ListingSummary;
use crate::market::Category;

impl Listing {
    /// The listing's summary; `None` if it was never offered.
    #[must_use]
    pub fn summary(&self, id: ListingId) -> Option<ListingSummary> {
        let offer = self.offer.as_deref()?;
        let files: &[_] = offer.current().map_or(&[], |contents| &contents.files);
        let mut summary = ListingSummary {
            id,
            seller: offer.seller.clone(),
            version: offer.version,
            status: offer.status,
            sold_out: self.is_sold_out(),
            title: offer.title.clone(),
            description: offer.description.clone(),
            tags: offer.tags.clone(),
            category: Category::Mixed,
            price: offer.price,
            license: offer.license,
            max_sales: offer.max_sales,
            files: 0,
            bytes: 0,
            samples: Vec::new(),
            sales: self.sales,
            ratings: u32::try_from(self.ratings.len()).unwrap_or(u32::MAX),
            stars: self
                .ratings
                .values()
                .fold(0, |sum: u64, (stars, _)| sum.saturating_add((*stars).into())),
            created_at: offer.created_at,
            updated_at: offer.updated_at,
        };
        summary.show(files);
        Some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contribution::ContributionType;
    use crate::contribution::MediaType;
    use crate::listing::Contents;
    use crate::listing_summary::is_sold_out;
    use crate::market::{File, License, ListingStatus};
    use crate::testing::{
        NOW, exchange_id, file, files_of, listing_id, micros, offered, order_of, person,
    };
    use crate::time::Timestamp;

    #[test]
    fn a_summary_shows_what_is_sold_now() {
        let listing = offered().with(|listing| {
            let offer = listing.offered();
            offer.contents.push(Contents {
                number: 2,
                sales: 3,
                files: files_of(&[1, 2, 3, 4, 5]),
            });
            (offer.license, offer.max_sales, offer.version) = (License::Limited, Some(9), 7);
            offer.updated_at = NOW;
            listing.sales = 4;
            listing.ratings.insert(order_of(1).purchase, (5, exchange_id(1)));
            listing.ratings.insert(order_of(2).purchase, (2, exchange_id(2)));
        });
        let text = ContributionType::Text;
        let expected = ListingSummary {
            id: listing_id(8),
            seller: person("seller"),
            version: 7,
            status: ListingStatus::Active,
            sold_out: false,
            title: "Some files".into(),
            description: "Files of a test".into(),
            tags: vec!["test".into()],
            category: Category::One(text),
            price: micros(100),
            license: License::Limited,
            max_sales: Some(9),
            files: 5,
            bytes: 15,
            samples: [1, 2, 3, 4].map(|n| (text, file(n).contribution)).to_vec(),
            sales: 4,
            ratings: 2,
            stars: 7,
            created_at: Timestamp::EPOCH,
            updated_at: NOW,
        };
        assert_eq!(listing.summary(listing_id(8)), Some(expected));
        assert_eq!(Listing::default().summary(listing_id(8)), None);
    }

    #[test]
    fn files_of_several_types_are_mixed() {
        let of = |media_type| File { media_type, ..file(1) };
        let (text, photo) = (ContributionType::Text, ContributionType::Photo);
        let rows = [
            (vec![], Category::Mixed),
            (vec![of(MediaType::Plain)], Category::One(text)),
            (vec![of(MediaType::Plain), of(MediaType::Json)], Category::One(text)),
            (vec![of(MediaType::Plain), of(MediaType::Png)], Category::Mixed),
            (vec![of(MediaType::Png), of(MediaType::Jpeg)], Category::One(photo)),
        ];
        for (files, expected) in rows {
            assert_eq!(Category::of(&files), expected, "{files:?}");
        }
    }

    #[test]
    fn the_last_sale_sells_it_out() {
        use License::{Exclusive, Limited, SingleUse, Unlimited};
        // The license, the most sales, the sales so far; whether it is sold out.
        let rows = [
            (Exclusive, None, 0, false),
            (Exclusive, None, 1, true),
            (Limited, Some(3), 2, false),
            (Limited, Some(3), 3, true),
            (Limited, Some(3), 4, true),
            (Limited, None, 4, false),
            (SingleUse, Some(1), 1, false),
            (Unlimited, Some(1), 1, false),
        ];
        for (license, max_sales, sales, expected) in rows {
            assert_eq!(is_sold_out(license, max_sales, sales), expected, "{license:?} {sales}");
        }
    }
}
