//! Buying a listing: the buyer's actor is asked on the terms on which the listing is sold now.
//!
//! What sold a moment ago is remembered, so that a listing which sells all the time is not asked
//! first each time. That is safe because the listing has the last word: an order on terms that it
//! no longer has is not accepted, and the listing is then asked.

use priv_domain::entity::Environment;
use priv_domain::listing::{Listing, SaleTerms};
use priv_domain::message::NotSold;
use priv_domain::user::{PurchaseListing, Purchased, Refusal};
use priv_domain::{EntityId, ListingId, Micros, Position, RequestTag};

use crate::ask::{Answered, AskError};
use crate::node::Node;

/// Terms may change between read and order: a buyer without expectations is retried on the new
/// ones, this often at most.
const TRIES: usize = 5;

/// What a buyer wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The listing.
    pub listing: ListingId,
    /// The price in micros that the buyer expects, if they insist on one.
    pub expected_price: Option<Micros>,
    /// The listing's version that the buyer expects, if they insist on one.
    pub expected_version: Option<u32>,
}

impl Wanted {
    fn insists(&self) -> bool {
        self.expected_price.is_some() || self.expected_version.is_some()
    }
}

/// Why nothing is bought.
#[derive(Debug, thiserror::Error)]
pub enum PurchaseError {
    /// There is no such listing.
    #[error("there is no such listing")]
    NoSuchListing,
    /// The buyer's actor, or the listing, gives no purchase.
    #[error(transparent)]
    Ask(#[from] AskError<Refusal>),
}

/// The terms of a listing, or why it can't be bought.
struct Seen {
    terms: Result<SaleTerms, NotSold>,
    from: SeenFrom,
}

/// Where terms come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeenFrom {
    /// From a sale before; the listing may have others by now.
    Memory,
    /// From the listing, as it was at this position, which may not be durable yet.
    Listing(Position),
}

impl Node {
    /// Buys a listing for a user. The answer comes when all that it depends on is durable.
    ///
    /// # Errors
    /// See [`PurchaseError`].
    pub async fn purchase(
        &self,
        buyer: &EntityId,
        wanted: Wanted,
        request: Option<RequestTag>,
    ) -> Result<Answered<Purchased>, PurchaseError> {
        let Wanted { listing, expected_price, expected_version } = wanted;
        let environment = buyer.environment;
        let recalled = self.recent_terms().recall(environment, listing);
        let mut remembered =
            recalled.map(|terms| Seen { terms: Ok(terms), from: SeenFrom::Memory });
        let mut attempt = 1;
        loop {
            let Seen { terms: seen, from } = match remembered.take() {
                Some(seen) => seen,
                None => self.ask_terms(environment, listing).await?,
            };
            let command = PurchaseListing { listing, seen, expected_price, expected_version };
            let refusal = match self.ask(buyer, command, request).await {
                Err(AskError::Refused(refusal)) => refusal,
                answer => return Ok(answer?),
            };
            // A refusal unrelated to the terms would recur on fresh ones.
            if !refusal.is_about_terms() {
                return Err(AskError::Refused(refusal).into());
            }
            match from {
                // Why not is for the listing to say.
                SeenFrom::Memory => self.recent_terms().forget(environment, listing),
                SeenFrom::Listing(position) => {
                    // A refusal reveals state that was read before it was durable, so wait. A sale
                    // does not: its record comes after it in the journal.
                    if !self.when_durable(position).await {
                        return Err(AskError::Stopping.into());
                    }
                    let changed = matches!(refusal, Refusal::NotSold(NotSold::TermsChanged { .. }));
                    if !changed || wanted.insists() || attempt >= TRIES {
                        return Err(AskError::Refused(refusal).into());
                    }
                }
            }
            attempt += 1;
        }
    }

    /// Asks the listing for its terms, and remembers them.
    async fn ask_terms(
        &self,
        environment: Environment,
        listing: ListingId,
    ) -> Result<Seen, PurchaseError> {
        // One that never was is not activated for a look.
        let is_known = || self.projection().listings.get(environment, listing).is_some();
        if !is_known() {
            self.when_projected(self.durable()).await.map_err(|_| AskError::Stopping)?;
            if !is_known() {
                return Err(PurchaseError::NoSuchListing);
            }
        }
        let id = EntityId::listing(environment, listing);
        let seen = self.read_latest::<Listing, _>(&id, |listing| listing.machine.terms()).await;
        let Answered { reply, position, .. } = seen.map_err(AskError::without_refusal)?;
        let terms = reply.ok_or(PurchaseError::NoSuchListing)?;
        if let Ok(terms) = &terms {
            self.recent_terms().remember(environment, listing, terms);
        }
        Ok(Seen { terms, from: SeenFrom::Listing(position) })
    }
}
