//! Offering contributions for sale: the seller says what is in a listing and on which terms, and
//! the listing takes it from there.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Event, MAX_LISTED, MAX_LISTINGS, OwnListing, Refusal, User};
use crate::entity::EntityId;
use crate::id::{ContributionId, ListingId, TransferId};
use crate::machine::{Answer, Context, Decision, ReplyToken};
use crate::market::{Change, Draft, File, License, ListingStatus};
use crate::message::{Purpose, Transfer};
use crate::money::Micros;
use crate::outbox::{Asked, OpenTransfer, offer};

/// A listing to make.
#[derive(Clone, Debug)]
pub struct NewListing {
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

/// A change to one of their listings.
#[derive(Clone, Debug)]
pub struct ListingChange {
    /// Which.
    pub listing: ListingId,
    /// All but the files.
    pub change: Change,
    /// Other contributions in place of those in it; as in [`NewListing::contributions`].
    pub contributions: Option<Vec<ContributionId>>,
}

pub(super) fn create(
    user: &User,
    new: NewListing,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    if user.became().is_some() {
        return Err(Refusal::BecamePerson);
    }
    if is_under_way(user, context) {
        return Err(Refusal::ClaimUnderWay);
    }
    let own = user.market.as_ref().map_or(0, |market| market.listings.len());
    if own >= MAX_LISTINGS {
        return Err(Refusal::TooMany { what: "listings", limit: MAX_LISTINGS });
    }
    let files = files(user, &new.contributions)?;
    check_listed(user, None, files.len())?;
    let NewListing { title, description, tags, price, license, max_sales, contributions: _ } = new;
    let draft = Draft { title, description, tags, price, license, max_sales, files };
    let listing = EntityId::listing(context.me.environment, ListingId::new(context.fresh));
    tell(user, listing, Purpose::Publish(Box::new(draft)), context)
}

pub(super) fn change(
    user: &User,
    ListingChange { listing, mut change, contributions }: ListingChange,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    let own = user.market.as_ref().and_then(|market| market.listings.get(&listing));
    let own = own.ok_or(Refusal::NoSuchListing)?;
    // One at a time: what the seller remembers of a listing is then what the listing has.
    if user.change_under_way(listing).is_some() {
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
    let to = EntityId::listing(context.me.environment, listing);
    tell(user, to, Purpose::Change(Box::new(change)), context)
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

/// Whether a request with the same idempotency key is being carried out.
pub(super) fn is_under_way(user: &User, context: &Context<'_>) -> bool {
    let Some(tag) = context.request else { return false };
    let mut asked = user.outbox.iter().filter_map(|open| open.asked?.request);
    asked.any(|request| request.key == tag.key)
}

/// Sends something to a listing that is no money.
pub(super) fn tell(
    user: &User,
    to: EntityId,
    purpose: Purpose,
    context: &Context<'_>,
) -> Result<Decision<User>, Refusal> {
    if user.outbox.is_full() {
        return Err(Refusal::TooMuchUnderWay);
    }
    let (id, reply_token) = (TransferId::new(context.fresh), ReplyToken(context.fresh));
    let transfer = Transfer { id, to, amount: Micros::ZERO, purpose };
    let messages = vec![offer(&transfer)];
    let asked = Some(Asked { reply_token, request: context.request });
    let events = vec![Event::TransferOpened(OpenTransfer { transfer, asked })];
    Ok(Decision::of(events, Answer::Later(reply_token)).sending(messages))
}
