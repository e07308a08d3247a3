//! The summary of a listing: what everybody may see of it, and what its seller gets.

use super::Listing;
use crate::contribution::ContributionType;
use crate::entity::EntityId;
use crate::id::{ContributionId, ListingId};
use crate::market::{Category, Change, Draft, File, License, ListingStatus};
use crate::money::Micros;
use crate::time::Timestamp;

/// The most files of a listing that are shown as samples.
pub const SAMPLES: usize = 4;

/// What everybody may see of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingSummary {
    /// The id of the listing.
    pub id: ListingId,
    /// The user who sells; the API shows a pseudonym only.
    pub seller: EntityId,
    /// See [`super::Offer::version`].
    pub version: u32,
    /// Whether it is for sale.
    pub status: ListingStatus,
    /// Whether the license allows no more sales.
    pub sold_out: bool,
    /// See [`super::Offer::title`].
    pub title: Box<str>,
    /// See [`super::Offer::description`].
    pub description: Box<str>,
    /// See [`super::Offer::tags`].
    pub tags: Vec<Box<str>>,
    /// The category that its files make.
    pub category: Category,
    /// The price of one purchase, in micros.
    pub price: Micros,
    /// What buyers may do with the files.
    pub license: License,
    /// The most purchases; `None` unless the license is [`License::Limited`].
    pub max_sales: Option<u32>,
    /// The number of files on sale.
    pub files: u32,
    /// The size of all files on sale together, in bytes.
    pub bytes: u64,
    /// The first files on sale, at most [`SAMPLES`]: the type and the contribution of each.
    pub samples: Vec<(ContributionType, ContributionId)>,
    /// The number of its sales.
    pub sales: u32,
    /// The number of buyers who rated it.
    pub ratings: u32,
    /// The sum of the stars that they gave.
    pub stars: u64,
    /// The time at which it was published.
    pub created_at: Timestamp,
    /// The time of the seller's last change.
    pub updated_at: Timestamp,
}

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

impl ListingSummary {
    /// The summary of a listing that its seller has just published.
    #[must_use]
    pub fn published(id: ListingId, seller: &EntityId, draft: &Draft, at: Timestamp) -> Self {
        let mut summary = Self {
            id,
            seller: seller.clone(),
            version: 1,
            status: ListingStatus::Active,
            sold_out: false,
            title: draft.title.clone(),
            description: draft.description.clone(),
            tags: draft.tags.clone(),
            category: Category::Mixed,
            price: draft.price,
            license: draft.license,
            max_sales: draft.max_sales,
            files: 0,
            bytes: 0,
            samples: Vec::new(),
            sales: 0,
            ratings: 0,
            stars: 0,
            created_at: at,
            updated_at: at,
        };
        summary.show(&draft.files);
        summary
    }

    /// Changes the summary as a seller's change changes the listing.
    pub fn change(&mut self, change: &Change, at: Timestamp) {
        if let Some(title) = &change.title {
            self.title.clone_from(title);
        }
        if let Some(description) = &change.description {
            self.description.clone_from(description);
        }
        if let Some(tags) = &change.tags {
            self.tags.clone_from(tags);
        }
        self.price = change.price.unwrap_or(self.price);
        self.license = change.license.unwrap_or(self.license);
        self.max_sales = match self.license {
            License::Limited => change.max_sales.or(self.max_sales),
            License::SingleUse | License::Unlimited | License::Exclusive => None,
        };
        self.status = change.status.unwrap_or(self.status);
        if let Some(files) = &change.files {
            self.show(files);
        }
        self.version = self.version.saturating_add(1);
        self.updated_at = at;
        self.sold_out = self.is_sold_out();
    }

    /// Changes the summary as one more sale changes the listing.
    pub fn sell(&mut self) {
        self.sales = self.sales.saturating_add(1);
        if self.license == License::Exclusive {
            self.status = ListingStatus::Delisted;
            self.version = self.version.saturating_add(1);
        }
        self.sold_out = self.is_sold_out();
    }

    /// Counts a rating by a buyer who had given `before`; `None` if they rate it for the first
    /// time.
    pub fn rate(&mut self, before: Option<u8>, stars: u8) {
        if before.is_none() {
            self.ratings = self.ratings.saturating_add(1);
        }
        self.stars =
            self.stars.saturating_sub(before.unwrap_or(0).into()).saturating_add(stars.into());
    }

    fn is_sold_out(&self) -> bool {
        is_sold_out(self.license, self.max_sales, self.sales)
    }

    fn show(&mut self, files: &[File]) {
        let samples = files.iter().take(SAMPLES);
        self.category = Category::of(files);
        self.files = u32::try_from(files.len()).unwrap_or(u32::MAX);
        self.bytes = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size));
        self.samples =
            samples.map(|file| (file.media_type.contribution_type(), file.contribution)).collect();
    }
}

/// Whether a license allows no more sales after this number of them.
pub(super) fn is_sold_out(license: License, max_sales: Option<u32>, sales: u32) -> bool {
    match license {
        License::Exclusive => sales > 0,
        License::Limited => max_sales.is_some_and(|most| sales >= most),
        License::SingleUse | License::Unlimited => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contribution::MediaType;
    use crate::listing::Contents;
    use crate::testing::{
        NOW, exchange_id, file, files_of, listing_id, micros, offered, order_of, person,
    };

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
