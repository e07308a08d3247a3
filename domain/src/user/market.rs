//! The part of a user's state that is about the marketplace, and its bounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::User;
use crate::contribution::{Contribution, ReviewStatus};
use crate::exchange::{Exchange, OpenExchange};
use crate::id::{ContributionId, ListingId, PurchaseId};
use crate::market::{Change, File, ListingStatus, Purchase};
use crate::proposal::{Content, Proposal};

/// The most contributions that one user may have.
pub const MAX_CONTRIBUTIONS: usize = 20_000;

/// The most listings that one user may have made.
pub const MAX_LISTINGS: usize = 2_000;

/// The most contributions in all listings of one user together, each counted as often as it is
/// listed.
pub const MAX_LISTED: usize = 100_000;

/// The most purchases that one user may have made.
pub const MAX_PURCHASES: usize = 20_000;

/// A user's contributions, listings and purchases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Market {
    /// The contributions that they have not deleted.
    pub contributions: BTreeMap<ContributionId, Contribution>,
    /// The listings that they made, delisted ones included.
    pub listings: BTreeMap<ListingId, OwnListing>,
    /// The purchases that they made, by the listing that was bought.
    pub purchases: BTreeMap<ListingId, Purchase>,
}

/// What a seller remembers of a listing of theirs: enough to keep the contributions in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnListing {
    /// Whether it is for sale.
    pub status: ListingStatus,
    /// The contributions in it now.
    pub contributions: Arc<[ContributionId]>,
}

impl OwnListing {
    pub(super) fn of(files: &[File], status: ListingStatus) -> Self {
        Self { status, contributions: files.iter().map(|file| file.contribution).collect() }
    }
}

impl User {
    /// Finds one of their contributions by id.
    #[must_use]
    pub fn contribution(&self, id: ContributionId) -> Option<&Contribution> {
        self.market.as_ref()?.contributions.get(&id)
    }

    /// Their purchase of a listing; `None` if they have not bought it.
    #[must_use]
    pub fn purchase_of(&self, listing: ListingId) -> Option<&Purchase> {
        self.market.as_ref()?.purchases.get(&listing)
    }

    /// Finds one of their purchases by id, with the listing that was bought.
    #[must_use]
    pub fn purchase(&self, id: PurchaseId) -> Option<(ListingId, &Purchase)> {
        let mut purchases = self.market.as_ref()?.purchases.iter();
        let found = purchases.find(|(_, purchase)| purchase.order.purchase == id);
        found.map(|(listing, purchase)| (*listing, purchase))
    }

    /// A listing of theirs that needs a contribution: one that is active or paused, or that a
    /// change under way would make so.
    #[must_use]
    pub fn listing_of(&self, contribution: ContributionId) -> Option<ListingId> {
        let market = self.market.as_ref()?;
        let needs = |listing: &OwnListing| listing.contributions.contains(&contribution);
        let listed = market
            .listings
            .iter()
            .find(|(_, own)| own.status != ListingStatus::Delisted && needs(own));
        if let Some((listing, _)) = listed {
            return Some(*listing);
        }
        let mut changes = self.outbox.iter().filter_map(change_of);
        let about_to = changes.find(|(listing, change)| match &change.files {
            Some(files) => files.iter().any(|file| file.contribution == contribution),
            None => {
                change.status.is_some_and(|status| status != ListingStatus::Delisted)
                    && market.listings.get(listing).is_some_and(needs)
            }
        });
        about_to.map(|(listing, _)| listing)
    }

    /// The file that a listing would sell of a contribution; `None` if it can't be sold.
    pub(super) fn file_of(&self, id: ContributionId) -> Option<File> {
        let known = self.contribution(id)?;
        let sells = known.status == ReviewStatus::Approved && known.uses.commercial;
        sells.then_some(File {
            contribution: id,
            sha256: known.sha256,
            size: known.size,
            media_type: known.media_type,
        })
    }

    /// Whether a change to a listing is under way.
    pub(super) fn is_changing(&self, listing: ListingId) -> bool {
        let mut changes = self.outbox.iter().filter_map(change_of);
        changes.any(|(changed, _)| changed == listing)
    }
}

fn change_of(open: &OpenExchange) -> Option<(ListingId, &Change)> {
    match &open.exchange {
        Exchange::Proposal(Proposal { to, content: Content::Change(change), .. }) => {
            Some((to.as_listing()?, change))
        }
        Exchange::Proposal(_) | Exchange::Transfer(_) => None,
    }
}

impl Market {
    /// The memory that it takes on the heap, in bytes, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let map = |len: usize, each: usize| len.saturating_mul(each.saturating_add(16));
        let listed = self.listings.values().fold(0, |sum: usize, own| {
            sum.saturating_add(own.contributions.len().saturating_mul(size_of::<ContributionId>()))
        });
        let titles = self
            .purchases
            .values()
            .fold(0, |sum: usize, bought| sum.saturating_add(bought.order.title.len()));
        [
            size_of::<Self>(),
            map(self.contributions.len(), size_of::<(ContributionId, Contribution)>()),
            map(self.listings.len(), size_of::<(ListingId, OwnListing)>()),
            map(self.purchases.len(), size_of::<(ListingId, Purchase)>()),
            listed,
            titles,
        ]
        .iter()
        .fold(0, |sum: usize, bytes| sum.saturating_add(*bytes))
    }
}
