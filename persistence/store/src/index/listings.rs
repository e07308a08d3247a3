//! The listing index: the summary of every listing, in memory, for browsing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use priv_domain::ListingId;
use priv_domain::entity::{EntityId, Environment};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::views::SellerSums;

/// The summaries of all listings in both environments, and each seller's sums.
#[derive(Debug, Default)]
pub struct ListingIndex {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    summaries: BTreeMap<(Environment, ListingId), Arc<ListingSummary>>,
    sellers: HashMap<EntityId, SellerSums>,
}

impl ListingIndex {
    /// The summary of a listing; `None` if there is no such listing.
    #[must_use]
    pub fn get(&self, environment: Environment, listing: ListingId) -> Option<Arc<ListingSummary>> {
        self.inner.read().summaries.get(&(environment, listing)).cloned()
    }

    /// The summaries in an environment that `picks` picks, oldest first.
    pub fn pick(
        &self,
        environment: Environment,
        mut picks: impl FnMut(&ListingSummary) -> bool,
    ) -> Vec<Arc<ListingSummary>> {
        let from = (environment, ListingId::new(0));
        let inner = self.inner.read();
        let summaries = inner.summaries.range(from..).take_while(|((of, _), _)| *of == environment);
        summaries.map(|(_, summary)| summary).filter(|summary| picks(summary)).cloned().collect()
    }

    /// The sums over all listings of a seller; zeros if they have none.
    #[must_use]
    pub fn seller(&self, seller: &EntityId) -> SellerSums {
        self.inner.read().sellers.get(seller).copied().unwrap_or_default()
    }

    pub(crate) fn put(&self, environment: Environment, summary: ListingSummary) {
        let mut inner = self.inner.write();
        let seller = summary.seller.clone();
        let after = sums(&summary);
        let replaced = inner.summaries.insert((environment, summary.id), Arc::new(summary));
        let before = replaced.map(|summary| sums(&summary)).unwrap_or_default();
        let all = inner.sellers.entry(seller).or_default();
        // The number of a listing's sales and ratings never falls; the sum of its stars may.
        all.sales = all.sales + after.sales - before.sales;
        all.ratings = all.ratings + after.ratings - before.ratings;
        all.stars = all.stars + after.stars - before.stars;
    }
}

fn sums(summary: &ListingSummary) -> SellerSums {
    SellerSums {
        sales: summary.sales.into(),
        ratings: summary.ratings.into(),
        stars: summary.stars,
    }
}
