//! Publishing and changing listings: the seller says which contributions are in a listing and on
//! which terms, and the listing decides on that proposal.

use std::collections::HashSet;
use std::sync::Arc;

use super::{MAX_LISTED, MAX_LISTINGS, OwnListing, Refusal, User, opening};
use crate::context::Context;
use crate::earning::Payer;
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::{ContributionId, ExchangeId, ListingId};
use crate::listing_summary::ListingSummary;
use crate::machine::{Command, Decided};
use crate::market::{Change, Draft, File, License, ListingStatus, Proceeds};
use crate::money::Micros;
use crate::proposal::{Content, Proposal};

/// Offers contributions for sale. The reply is the summary of the new listing.
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
    /// The contributions on sale: 1 to [`crate::market::MAX_FILES`], each once; checked at the
    /// edge.
    pub contributions: Vec<ContributionId>,
}

/// Changes one of the user's listings. The reply is its summary after the change.
#[derive(Clone, Debug)]
pub struct ChangeListing {
    /// The listing to change.
    pub listing: ListingId,
    /// The changes; its files are taken from `contributions`.
    pub change: Change,
    /// Contributions in place of those in it; as in [`CreateListing::contributions`].
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
        if user.is_busy_with(context) {
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
        Ok(opening::open(Exchange::Proposal(proposal), context).decision())
    }
}

impl Command for ChangeListing {
    type Machine = User;
    type Reply = ListingSummary;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { listing, mut change, contributions } = self;
        let own = user.market.as_ref().and_then(|market| market.listings.get(&listing));
        let own = own.ok_or(Refusal::NoSuchListing)?;
        // One change at a time, so that the seller's memory of a listing agrees with the listing.
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
            // Contributions that were in it may have been deleted since.
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
        Ok(opening::open(Exchange::Proposal(proposal), context).decision())
    }
}

/// The files of contributions, each of which must be one that can be sold.
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

/// Adds the seller's part of sales to what they can claim.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Asked;
    use crate::contribution::{Contribution, ReviewStatus};
    use crate::exchange::{MAX_OPEN, OpenExchange, forget};
    use crate::machine::{Answer, Machine};
    use crate::message::{Message, NotSold, NotTaken, OutgoingMessage};
    use crate::reply::{AnyReply, ReplyToken};
    use crate::testing::*;
    use crate::transfer::{Purpose, UserPurpose};
    use crate::user::{Event, Market};
    use ListingStatus::{Active, Delisted, Paused};

    /// Offers contributions 1 and 2.
    fn create() -> CreateListing {
        CreateListing {
            title: "Some files".into(),
            description: "Files of a test".into(),
            tags: vec!["test".into()],
            price: micros(100),
            license: License::Limited,
            max_sales: Some(3),
            contributions: vec![contribution_id(1), contribution_id(2)],
        }
    }

    fn draft() -> Draft {
        let CreateListing { title, description, tags, price, license, max_sales, .. } = create();
        Draft { title, description, tags, price, license, max_sales, files: files_of(&[1, 2]) }
    }

    /// Changes listing 8.
    fn change(change: Change) -> ChangeListing {
        ChangeListing { listing: listing_id(8), change, contributions: None }
    }

    fn price(price: u64) -> Change {
        Change { price: Some(micros(price)), ..Change::default() }
    }

    fn to(status: ListingStatus) -> Change {
        Change { status: Some(status), ..Change::default() }
    }

    fn with_files(numbers: &[u64], change: Change) -> ChangeListing {
        let contributions = Some(numbers.iter().map(|n| contribution_id(*n)).collect());
        ChangeListing { listing: listing_id(8), change, contributions }
    }

    /// Ada has contributions 1, 2 and 3, and listing 8 of the third.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| {
            (1..4).for_each(|n| ada.contributes(n));
            ada.lists(8, Active, &[3]);
        })
    }

    fn own(ada: &User, listing: ListingId) -> Option<(ListingStatus, Vec<ContributionId>)> {
        let own = ada.market.as_ref()?.listings.get(&listing)?;
        Some((own.status, own.contributions.to_vec()))
    }

    fn ids(numbers: &[u64]) -> Vec<ContributionId> {
        numbers.iter().map(|n| contribution_id(*n)).collect()
    }

    /// Listings with so many contributions in all, in one that is delisted.
    fn listed(ada: &mut User, contributions: usize) {
        let own = OwnListing {
            status: Delisted,
            contributions: (0..contributions).map(|_| contribution_id(1)).collect(),
        };
        let listings = &mut ada.market.get_or_insert_default().listings;
        listings.insert(listing_id(9), own);
    }

    fn summary(of: &Draft) -> Box<ListingSummary> {
        let id = ListingId::new(fresh(1));
        Box::new(ListingSummary::published(id, &person("ada"), of, NOW))
    }

    fn agreed(summary: Option<Box<ListingSummary>>) -> Message {
        Message::Accepted { exchange: ExchangeId::new(fresh(1)), summary }
    }

    fn refused(why: NotTaken) -> Message {
        Message::Refused { exchange: ExchangeId::new(fresh(1)), why }
    }

    fn opened(content: Content, to: EntityId, request: bool) -> Event {
        let request = request.then_some(tag(1));
        let asked = Some(Asked { reply_token: ReplyToken(fresh(1)), request });
        let proposal = Proposal { id: ExchangeId::new(fresh(1)), to, content };
        Event::ExchangeOpened(OpenExchange { exchange: Exchange::Proposal(proposal), asked })
    }

    #[test]
    fn guards_of_a_new_listing_refuse_in_their_order() {
        check_guards(
            &(ada(), create()),
            refusal,
            &[
                (|(ada, _)| ada.becomes(person("bob")), Refusal::BecamePerson),
                (
                    |(ada, _)| {
                        ada.request = Some(tag(1));
                        ada.orders(1, other_body(tag(1)));
                    },
                    Refusal::RequestUnderWay,
                ),
                (
                    |(ada, _)| ada.lists_until(MAX_LISTINGS),
                    Refusal::TooMany { what: "listings", limit: 2_000 },
                ),
                (
                    |(_, create)| create.contributions.insert(0, contribution_id(7)),
                    Refusal::NoSuchContribution { id: contribution_id(7) },
                ),
                (
                    |(ada, _)| ada.owned(1).status = ReviewStatus::Pending,
                    Refusal::NotForSale { id: contribution_id(1) },
                ),
                (
                    |(ada, _)| listed(ada, MAX_LISTED),
                    Refusal::TooMany { what: "listed contributions", limit: 100_000 },
                ),
                (
                    |(ada, _)| fill(&mut ada.outbox, MAX_OPEN, Exchange::Transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
    }

    #[test]
    fn guards_of_a_change_refuse_in_their_order() {
        check_guards(
            &(ada(), with_files(&[1, 2], price(90))),
            refusal,
            &[
                (|(_, change)| change.listing = listing_id(7), Refusal::NoSuchListing),
                (|(ada, _)| ada.changes(8, price(80), tag(1)), Refusal::ChangeUnderWay),
                (
                    |(_, change)| *change = with_files(&[7, 1], Change::default()),
                    Refusal::NoSuchContribution { id: contribution_id(7) },
                ),
                (
                    |(ada, _)| ada.owned(1).uses.commercial = false,
                    Refusal::NotForSale { id: contribution_id(1) },
                ),
                (
                    |(ada, _)| listed(ada, MAX_LISTED),
                    Refusal::TooMany { what: "listed contributions", limit: 100_000 },
                ),
                (
                    |(ada, _)| fill(&mut ada.outbox, MAX_OPEN, Exchange::Transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
    }

    #[test]
    fn a_listing_comes_back_only_with_what_can_be_sold() {
        fn delisted((ada, _): &mut (UnderTest<User>, ChangeListing)) {
            ada.lists(8, Delisted, &[3, 7]);
        }
        check_guards(
            &(ada().with(|ada| ada.lists(8, Delisted, &[1, 3])), change(to(Active))),
            refusal,
            &[
                (|(ada, _)| ada.changes(8, price(80), tag(1)), Refusal::ChangeUnderWay),
                (delisted, Refusal::NoSuchContribution { id: contribution_id(7) }),
                (
                    |(ada, _)| ada.owned(1).status = ReviewStatus::Rejected,
                    Refusal::NotForSale { id: contribution_id(1) },
                ),
                (
                    |(ada, _)| fill(&mut ada.outbox, MAX_OPEN, Exchange::Transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
        let gone = Some(Refusal::NoSuchContribution { id: contribution_id(7) });
        // The status before, the change; whether deleted contributions stand in the way.
        let rows = [
            (Delisted, change(to(Active)), true),
            (Delisted, change(to(Paused)), true),
            (Delisted, change(to(Delisted)), false),
            (Delisted, change(price(90)), false),
            (Delisted, with_files(&[1], to(Active)), false),
            (Paused, change(to(Active)), false),
            (Active, change(to(Active)), false),
        ];
        for (before, change, stands_in_the_way) in rows {
            let ada = ada().with(|ada| ada.lists(8, before, &[3, 7]));
            let expected = if stands_in_the_way { gone.clone() } else { None };
            assert_eq!(refusal(&(ada, change.clone())), expected, "{before:?} {change:?}");
        }
    }

    #[test]
    fn bounds_of_a_new_listing_hold_exactly_at_their_edge() {
        let too_many = |what, limit| Some(Refusal::TooMany { what, limit });
        // Ada has one listing, of one contribution, and offers two.
        check_edges(
            &(ada(), create()),
            refusal,
            &[
                (|(ada, _)| ada.lists_until(MAX_LISTINGS - 1), None),
                (|(ada, _)| ada.lists_until(MAX_LISTINGS), too_many("listings", MAX_LISTINGS)),
                (|(ada, _)| listed(ada, MAX_LISTED - 3), None),
                (
                    |(ada, _)| listed(ada, MAX_LISTED - 2),
                    too_many("listed contributions", MAX_LISTED),
                ),
                // A contribution that is named twice is in it once.
                (
                    |(ada, create)| {
                        create.contributions.extend(ids(&[1, 2, 1]));
                        listed(ada, MAX_LISTED - 3);
                    },
                    None,
                ),
                (|(ada, _)| fill(&mut ada.outbox, MAX_OPEN - 1, Exchange::Transfer), None),
                (
                    |(ada, _)| fill(&mut ada.outbox, MAX_OPEN, Exchange::Transfer),
                    Some(Refusal::TooMuchUnderWay),
                ),
                // Another request, or one without a key, may be under way.
                (
                    |(ada, _)| {
                        ada.request = Some(tag(1));
                        ada.orders(1, tag(2));
                    },
                    None,
                ),
                (|(ada, _)| ada.orders(1, tag(1)), None),
            ],
        );
    }

    #[test]
    fn bounds_of_a_change_hold_exactly_at_their_edge() {
        // Two contributions in place of one.
        check_edges(
            &(ada(), with_files(&[1, 2], Change::default())),
            refusal,
            &[
                (|(ada, _)| listed(ada, MAX_LISTED - 2), None),
                (
                    |(ada, _)| listed(ada, MAX_LISTED - 1),
                    Some(Refusal::TooMany { what: "listed contributions", limit: MAX_LISTED }),
                ),
                (
                    |(ada, change)| {
                        change.contributions = None;
                        listed(ada, MAX_LISTED);
                    },
                    None,
                ),
                (|(ada, _)| fill(&mut ada.outbox, MAX_OPEN - 1, Exchange::Transfer), None),
                // A change to another listing, or another proposal to this one, may be under way.
                (|(ada, _)| ada.changes(7, Change::default(), tag(1)), None),
                (|(ada, _)| ada.rates(8, tag(1)), None),
                (|(ada, _)| ada.orders(8, tag(1)), None),
            ],
        );
    }

    #[test]
    fn what_can_be_sold_is_approved_and_for_commerce() {
        // The status, whether commercial use is allowed; whether it can be sold.
        let rows = [
            (ReviewStatus::Approved, true, true),
            (ReviewStatus::Approved, false, false),
            (ReviewStatus::Pending, true, false),
            (ReviewStatus::Rejected, true, false),
        ];
        for (status, commercial, sells) in rows {
            let ada = user("ada").with(|ada| {
                ada.owned(1).status = status;
                ada.owned(1).uses.commercial = commercial;
            });
            let expected = sells.then(|| file(1));
            assert_eq!(ada.file_of(contribution_id(1)), expected, "{status:?} {commercial}");
        }
        assert_eq!(ada().file_of(contribution_id(7)), None);
    }

    #[test]
    fn a_new_listing_is_proposed_and_kept_in_mind_at_once() {
        let mut ada = ada();
        ada.request = Some(tag(1));
        let step = ada.ask(create());
        let (id, token) = (ListingId::new(fresh(1)), ReplyToken(fresh(1)));
        let to = EntityId::listing(ada.me.environment, id);
        let content = Content::Publish(Box::new(draft()));
        let proposal =
            Proposal { id: ExchangeId::new(fresh(1)), to: to.clone(), content: content.clone() };
        assert_eq!(step.events, [opened(content, to.clone(), true)]);
        let message = Message::Propose(proposal);
        assert_eq!(step.messages, [OutgoingMessage { to, message }]);
        assert_eq!(step.answer, Answer::Later(token));
        assert_eq!(own(&ada, id), Some((Active, ids(&[1, 2]))));
        assert_eq!(ada.outstanding(&ada.me), step.messages, "proposed again after a crash");
    }

    #[test]
    fn the_listings_answer_ends_the_proposal() {
        let id = ListingId::new(fresh(1));
        let (to, exchange) =
            (EntityId::listing(ada().me.environment, id), ExchangeId::new(fresh(1)));
        let published = *summary(&draft());
        let not_taken = |why| Err(Refusal::NotTaken(why));
        // The answer; the end, and whether the seller remembers the listing.
        let rows = [
            (agreed(Some(summary(&draft()))), Ok(published), true),
            (refused(NotTaken::NotAwaited), not_taken(NotTaken::NotAwaited), false),
            (refused(NotTaken::Busy), not_taken(NotTaken::Busy), false),
            (refused(NotTaken::NoSuchPayee), not_taken(NotTaken::NoSuchPayee), false),
        ];
        for (answer, end, is_kept) in rows {
            let mut ada = ada();
            ada.request = Some(tag(1));
            ada.ask(create());
            let step = ada.hear(&to, answer);
            let event = match is_kept {
                true => Event::ExchangeSettled { id: exchange },
                false => Event::ExchangeReturned { id: exchange, amount: micros(0) },
            };
            let messages = [forget(exchange, to.clone())];
            assert_eq!((&*step.events, &*step.messages), (&[event][..], &messages[..]));
            assert_eq!(step.ended::<ListingSummary>(), Some(end.clone()));
            let remembered = end.ok().map(|summary| (tag(1), AnyReply::new(summary)));
            assert_eq!(step.remembered, remembered);
            assert_eq!(own(&ada, id).is_some(), is_kept);
            assert!(own(&ada, listing_id(8)).is_some() && ada.outbox.is_empty());
        }
    }

    #[test]
    fn a_change_is_kept_in_mind_once_the_listing_has_taken_it() {
        // Before; the change, and what the seller remembers of it.
        let rows = [
            (Active, change(price(90)), (Active, ids(&[3]))),
            (Paused, change(price(90)), (Paused, ids(&[3]))),
            (Active, change(to(Paused)), (Paused, ids(&[3]))),
            (Active, change(to(Delisted)), (Delisted, ids(&[3]))),
            (Delisted, change(to(Active)), (Active, ids(&[3]))),
            (Active, with_files(&[2, 1, 2], price(90)), (Active, ids(&[2, 1]))),
            (Delisted, with_files(&[1], to(Paused)), (Paused, ids(&[1]))),
        ];
        for (before, command, after) in rows {
            let begun = || {
                let mut ada = ada().with(|ada| ada.lists(8, before, &[3]));
                let step = ada.ask(command.clone());
                (ada, step)
            };
            let (mut ada, step) = begun();
            let mut change = command.change.clone();
            change.files = command
                .contributions
                .as_ref()
                .map(|_| after.1.iter().map(|id| ada.file_of(*id).expect("for sale")).collect());
            let content = Content::Change(Box::new(change));
            assert_eq!(step.events, [opened(content, listing(8), false)]);
            assert_eq!(own(&ada, listing_id(8)), Some((before, ids(&[3]))), "not taken yet");
            let step = ada.hear(&listing(8), agreed(Some(summary(&draft()))));
            assert_eq!(step.ended::<ListingSummary>(), Some(Ok(*summary(&draft()))));
            assert_eq!(own(&ada, listing_id(8)), Some(after));
            for (why, refusal) in [
                (NotTaken::Busy, Refusal::NotTaken(NotTaken::Busy)),
                (
                    NotTaken::NotSold(NotSold::HasSales { sales: 2 }),
                    Refusal::NotSold(NotSold::HasSales { sales: 2 }),
                ),
            ] {
                let (mut ada, _) = begun();
                let step = ada.hear(&listing(8), refused(why));
                assert_eq!(step.ended::<ListingSummary>(), Some(Err(refusal)));
                assert_eq!(own(&ada, listing_id(8)), Some((before, ids(&[3]))), "not taken");
            }
        }
    }

    #[test]
    fn a_contribution_is_kept_for_listings_that_need_it_or_are_about_to() {
        fn other_files(numbers: &[u64]) -> Change {
            Change { files: Some(files_of(numbers)), ..Change::default() }
        }
        type Row = (ListingStatus, Option<Change>, Option<u64>);
        // The status of listing 8 of contribution 3, a change that is under way; the listing that
        // needs contribution 3.
        let rows: [Row; 10] = [
            (Active, None, Some(8)),
            (Paused, None, Some(8)),
            (Delisted, None, None),
            (Active, Some(other_files(&[1])), Some(8)),
            (Delisted, Some(other_files(&[1, 3])), Some(8)),
            (Delisted, Some(other_files(&[1])), None),
            (Delisted, Some(to(Active)), Some(8)),
            (Delisted, Some(to(Paused)), Some(8)),
            (Delisted, Some(to(Delisted)), None),
            (Delisted, Some(price(90)), None),
        ];
        for (status, change, expected) in rows {
            let ada = ada().with(|ada| {
                ada.lists(7, Active, &[2]);
                ada.lists(8, status, &[3]);
                change.iter().for_each(|change| ada.changes(8, change.clone(), tag(1)));
                ada.rates(6, tag(2));
                ada.orders(5, tag(3));
            });
            let listing = ada.listing_of(contribution_id(3));
            assert_eq!(listing, expected.map(listing_id), "{status:?} {change:?}");
        }
        assert_eq!(user("ada").listing_of(contribution_id(3)), None);
    }

    #[test]
    fn what_buyers_paid_is_the_sellers_and_says_whether_the_listing_goes_on() {
        // The status before, the status that the payout brings; the status after.
        let rows = [
            (Active, Active, Active),
            (Active, Delisted, Delisted),
            (Paused, Delisted, Delisted),
            (Active, Paused, Active),
            (Delisted, Active, Delisted),
        ];
        for (before, status, after) in rows {
            let mut ada = ada().with(|ada| ada.lists(8, before, &[3]));
            let purpose = Purpose::ToUser(UserPurpose::Proceeds(Proceeds { sales: 2, status }));
            ada.hear(&listing(8), Message::Offer(transfer(1, person("ada"), 97, purpose)));
            assert_eq!(own(&ada, listing_id(8)), Some((after, ids(&[3]))));
            assert_eq!((ada.unclaimed_sales(), ada.available), (micros(97), micros(0)));
        }
        // The money is theirs even if it is from a listing that they don't remember.
        let mut bob = user("bob");
        let gone = Proceeds { sales: 1, status: Delisted };
        let purpose = Purpose::ToUser(UserPurpose::Proceeds(gone));
        bob.hear(&listing(8), Message::Offer(transfer(1, person("bob"), 97, purpose)));
        assert_eq!(bob.unclaimed_sales(), micros(97));
        assert_eq!(bob.market.as_deref().unwrap_or(&Market::default()), &Market::default());
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        let to = EntityId::listing(ada().me.environment, ListingId::new(fresh(1)));
        check_repeats_later(
            &ada(),
            &create(),
            &Refusal::RequestUnderWay,
            |ada| ada.hear(&to, agreed(Some(summary(&draft())))),
            Some(|ada| {
                let to = EntityId::listing(ada.me.environment, ListingId::new(fresh(1)));
                ada.hear(&to, refused(NotTaken::Busy))
            }),
        );
        check_repeats_later(
            &ada(),
            &change(price(90)),
            &Refusal::ChangeUnderWay,
            |ada| ada.hear(&listing(8), agreed(Some(summary(&draft())))),
            Some(|ada| ada.hear(&listing(8), refused(NotTaken::Busy))),
        );
    }

    #[test]
    fn a_file_is_what_the_contribution_was() {
        let Contribution { sha256, size, media_type, .. } = contribution(5);
        let expected = File { contribution: contribution_id(5), sha256, size, media_type };
        let ada = user("ada").with(|ada| ada.contributes(5));
        assert_eq!(ada.file_of(contribution_id(5)), Some(expected));
    }
}
