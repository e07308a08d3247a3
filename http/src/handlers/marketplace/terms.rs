//! On which terms a listing is sold now.
//!
//! What sold a moment ago is remembered, so that a listing which sells all the time is not asked
//! first each time. That is safe because the listing has the last word: an order on terms that it
//! no longer has is not taken, and the buyer's side then asks.

use dashmap::DashMap;
use priv_actors::Answered;
use priv_domain::entity::Environment;
use priv_domain::listing::Listing;
use priv_domain::market::{ListingStatus, files_hash};
use priv_domain::message::NotSold;
use priv_domain::user::SeenTerms;
use priv_domain::{Entity, EntityId, ListingId, Position};

use super::no_such_listing;
use crate::error::ApiError;
use crate::state::AppState;

/// Terms that are remembered at most; past it all are let go.
const MAX_REMEMBERED: usize = 10_000;

/// Terms on which listings were sold lately.
#[derive(Debug, Default)]
pub(crate) struct RecentTerms(DashMap<(Environment, ListingId), SeenTerms>);

/// The terms of a listing, or why it can't be bought.
pub(super) struct Seen {
    pub(super) terms: Result<SeenTerms, NotSold>,
    pub(super) from: SeenFrom,
}

/// Where terms come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeenFrom {
    /// From a sale before; the listing may have others by now.
    Memory,
    /// From the listing, as it was at this position, which may not be durable yet.
    Listing(Position),
}

impl RecentTerms {
    /// What the last sale was made on, as far as it is known.
    pub(super) fn recall(&self, environment: Environment, listing: ListingId) -> Option<Seen> {
        let terms = self.0.get(&(environment, listing))?.clone();
        Some(Seen { terms: Ok(terms), from: SeenFrom::Memory })
    }

    pub(super) fn remember(&self, environment: Environment, listing: ListingId, terms: &SeenTerms) {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.insert((environment, listing), terms.clone());
    }

    pub(super) fn forget(&self, environment: Environment, listing: ListingId) {
        self.0.remove(&(environment, listing));
    }
}

/// Asks the listing.
///
/// # Errors
/// NOT_FOUND where there is none.
pub(super) async fn ask_terms(
    state: &AppState,
    environment: Environment,
    listing: ListingId,
) -> Result<Seen, ApiError> {
    // One that never was is not activated for a look.
    if state.node.listing(environment, listing).is_none() {
        state.up_to_date().await;
        if state.node.listing(environment, listing).is_none() {
            return Err(no_such_listing());
        }
    }
    let id = EntityId::listing(environment, listing);
    let Answered { reply, position, .. } = state.node.read_latest::<Listing, _>(&id, look).await?;
    let terms = reply.ok_or_else(no_such_listing)?;
    if let Ok(terms) = &terms {
        state.recent_terms.remember(environment, listing, terms);
    }
    Ok(Seen { terms, from: SeenFrom::Listing(position) })
}

fn look(listing: &Entity<Listing>) -> Option<Result<SeenTerms, NotSold>> {
    let machine = &listing.machine;
    let offer = machine.offer.as_deref()?;
    let current = offer.current()?;
    if machine.is_sold_out() {
        return Some(Err(NotSold::SoldOut));
    }
    if offer.status != ListingStatus::Active {
        return Some(Err(NotSold::NotActive(offer.status)));
    }
    Some(Ok(SeenTerms {
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
