//! The summary of a listing: what everybody may see of it, and what its seller gets.

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
    /// See [`crate::listing::Offer::version`].
    pub version: u32,
    /// Whether it is for sale.
    pub status: ListingStatus,
    /// Whether the license allows no more sales.
    pub sold_out: bool,
    /// See [`crate::listing::Offer::title`].
    pub title: Box<str>,
    /// See [`crate::listing::Offer::description`].
    pub description: Box<str>,
    /// See [`crate::listing::Offer::tags`].
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

    pub(crate) fn show(&mut self, files: &[File]) {
        let samples = files.iter().take(SAMPLES);
        self.category = Category::of(files);
        self.files = u32::try_from(files.len()).unwrap_or(u32::MAX);
        self.bytes = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size));
        self.samples =
            samples.map(|file| (file.media_type.contribution_type(), file.contribution)).collect();
    }
}

/// Whether a license allows no more sales after this number of them.
pub(crate) fn is_sold_out(license: License, max_sales: Option<u32>, sales: u32) -> bool {
    match license {
        License::Exclusive => sales > 0,
        License::Limited => max_sales.is_some_and(|most| sales >= most),
        License::SingleUse | License::Unlimited => false,
    }
}
