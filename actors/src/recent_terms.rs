//! Terms on which listings were sold lately.

use dashmap::DashMap;
use priv_domain::ListingId;
use priv_domain::entity::Environment;
use priv_domain::listing::SaleTerms;

/// Terms that are remembered at most; past it all are let go.
const MAX_REMEMBERED: usize = 10_000;

/// Terms on which listings were sold lately.
#[derive(Debug, Default)]
pub(crate) struct RecentTerms(DashMap<(Environment, ListingId), SaleTerms>);

impl RecentTerms {
    pub(crate) fn recall(&self, environment: Environment, listing: ListingId) -> Option<SaleTerms> {
        self.0.get(&(environment, listing)).map(|terms| terms.clone())
    }

    pub(crate) fn remember(&self, environment: Environment, listing: ListingId, terms: &SaleTerms) {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.insert((environment, listing), terms.clone());
    }

    pub(crate) fn forget(&self, environment: Environment, listing: ListingId) {
        self.0.remove(&(environment, listing));
    }
}
