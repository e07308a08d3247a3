//! Offering contributions for sale: the seller says what is in a listing and on which terms, and
//! the listing takes it from there.

use std::collections::HashSet;
use std::sync::Arc;

use super::{MAX_LISTED, MAX_LISTINGS, OwnListing, Refusal, User, exchanges};
use crate::earning::Payer;
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::{ContributionId, ExchangeId, ListingId};
use crate::listing::ListingSummary;
use crate::machine::{Command, Context, Decided};
use crate::market::{Change, Draft, File, License, ListingStatus, Proceeds};
use crate::money::Micros;
use crate::proposal::{Content, Proposal};

/// Offers contributions for sale. The reply is the new listing.
#[derive(Clone, Debug)]
pub struct CreateListing {
    /// See [`Draft::title`].
    pub title: Box<str>,
    /// See [`Draft::description`].
    pub description: Box<str>,
    /// See [`Draft::tags`].
    pub tags: Vec<Box<str>>,
    /// See [`Draft::price`].
    pub price: Micros,
    /// See [`Draft::license`].
    pub license: License,
    /// See [`Draft::max_sales`].
    pub max_sales: Option<u32>,
    /// 1 to [`crate::market::MAX_FILES`], each once; checked at the edge.
    pub contributions: Vec<ContributionId>,
}

/// Changes one of the user's listings. The reply is the listing after the change.
#[derive(Clone, Debug)]
pub struct ChangeListing {
    /// The listing.
    pub listing: ListingId,
    /// All but the files.
    pub change: Change,
    /// Other contributions in place of those in it; as in [`CreateListing::contributions`].
    pub contributions: Option<Vec<ContributionId>>,
}

impl Command for CreateListing {
    type Machine = User;
    type Reply = ListingSummary;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { title, description, tags, price, license, max_sales, contributions } = self;
        if user.became().is_some() {
            return Err(Refusal::BecamePerson);
        }
        if user.outbox.is_busy_with(context) {
            return Err(Refusal::RequestUnderWay);
        }
        let own = user.market.as_ref().map_or(0, |market| market.listings.len());
        if own >= MAX_LISTINGS {
            return Err(Refusal::TooMany { what: "listings", limit: MAX_LISTINGS });
        }
        let files = files(user, &contributions)?;
        check_listed(user, None, files.len())?;
        if user.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let draft = Draft { title, description, tags, price, license, max_sales, files };
        let proposal = Proposal {
            id: ExchangeId::new(context.fresh),
            to: EntityId::listing(context.me.environment, ListingId::new(context.fresh)),
            content: Content::Publish(Box::new(draft)),
        };
        Ok(exchanges::open(Exchange::Proposal(proposal), context).decision())
    }
}

impl Command for ChangeListing {
    type Machine = User;
    type Reply = ListingSummary;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { listing, mut change, contributions } = self;
        let own = user.market.as_ref().and_then(|market| market.listings.get(&listing));
        let own = own.ok_or(Refusal::NoSuchListing)?;
        // One at a time: what the seller remembers of a listing is then what the listing has.
        if user.is_changing(listing) {
            return Err(Refusal::ChangeUnderWay);
        }
        if let Some(contributions) = contributions {
            let files = files(user, &contributions)?;
            check_listed(user, Some(own), files.len())?;
            change.files = Some(files);
        }
        let revives = own.status == ListingStatus::Delisted
            && change.status.is_some_and(|status| status != ListingStatus::Delisted);
        if revives && change.files.is_none() {
            // What was in it may have been deleted since.
            files(user, &own.contributions)?;
        }
        if user.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let proposal = Proposal {
            id: ExchangeId::new(context.fresh),
            to: EntityId::listing(context.me.environment, listing),
            content: Content::Change(Box::new(change)),
        };
        Ok(exchanges::open(Exchange::Proposal(proposal), context).decision())
    }
}

/// What is sold of contributions, each of which must be one that can be.
fn files(user: &User, ids: &[ContributionId]) -> Result<Arc<[File]>, Refusal> {
    let mut seen = HashSet::new();
    ids.iter()
        .filter(|id| seen.insert(**id))
        .map(|id| {
            user.contribution(*id).ok_or(Refusal::NoSuchContribution { id: *id })?;
            user.file_of(*id).ok_or(Refusal::NotForSale { id: *id })
        })
        .collect()
}

fn check_listed(user: &User, instead: Option<&OwnListing>, more: usize) -> Result<(), Refusal> {
    let listings = user.market.iter().flat_map(|market| market.listings.values());
    let listed = listings.fold(0, |sum: usize, own| sum.saturating_add(own.contributions.len()));
    let left = listed.saturating_sub(instead.map_or(0, |own| own.contributions.len()));
    if left.saturating_add(more) > MAX_LISTED {
        return Err(Refusal::TooMany { what: "listed contributions", limit: MAX_LISTED });
    }
    Ok(())
}

pub(super) fn apply_opened(user: &mut User, listing: &EntityId, draft: &Draft) {
    let listing = listing.as_listing().expect("drafts go to listings");
    let own = OwnListing::of(&draft.files, ListingStatus::Active);
    user.market_mut().listings.insert(listing, own);
}

pub(super) fn apply_changed(user: &mut User, listing: &EntityId, change: &Change) {
    let listing = listing.as_listing().expect("changes go to listings");
    let Some(own) = user.market_mut().listings.get_mut(&listing) else { return };
    let status = change.status.unwrap_or(own.status);
    match &change.files {
        Some(files) => *own = OwnListing::of(files, status),
        None => own.status = status,
    }
}

pub(super) fn apply_returned(user: &mut User, listing: &EntityId) {
    let listing = listing.as_listing().expect("drafts go to listings");
    user.market_mut().listings.remove(&listing);
}

/// What buyers paid is the seller's, to be claimed.
pub(super) fn apply_proceeds(
    user: &mut User,
    listing: &EntityId,
    amount: Micros,
    proceeds: Proceeds,
) {
    user.accrual_mut(Payer::Sales).pending.credit(amount);
    let Some(listing) = listing.as_listing() else { return };
    if proceeds.status == ListingStatus::Delisted
        && let Some(own) = user.market_mut().listings.get_mut(&listing)
    {
        own.status = ListingStatus::Delisted;
    }
}
