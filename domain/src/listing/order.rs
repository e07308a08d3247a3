//! Orders and proposals that a listing accepts or refuses: its offer and changes to it from the
//! seller, orders and ratings from buyers.

use std::sync::Arc;

use super::{Contents, Due, Event, Listing, MAX_CONTENTS, Offer, payout};
use crate::context::Context;
use crate::entity::{EntityId, Kind};
use crate::exchange::{Exchange, Received, Sendable, refused};
use crate::id::ExchangeId;
use crate::listing_summary::ListingSummary;
use crate::machine::Decision;
use crate::market::{Change, Draft, Fees, File, License, ListingStatus, Order, Rating};
use crate::message::{Message, NotSold, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::proposal::{Content, Proposal};
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer};

pub(super) fn receive(
    listing: &Listing,
    from: EntityId,
    exchange: Exchange,
    context: &Context<'_>,
) -> Decision<Listing> {
    let id = exchange.id();
    if let Some(known) = listing.inbox.get(id) {
        return Decision::answering(answer(listing, context.me, known));
    }
    if let Err(why) = may_accept(listing, &from, &exchange) {
        let message = refused(id, from.clone(), why);
        let events = vec![Event::ExchangeRefused { id, from, why }];
        return Decision::because(events).sending(vec![message]);
    }
    let accepted = match &exchange {
        Exchange::Proposal(Proposal {
            content: Content::Publish(_) | Content::Change(_), ..
        }) => {
            // Only the seller publishes and changes it, one proposal at a time.
            let mut after = listing.clone();
            apply(&mut after, &from, &exchange, context.now);
            accepted(&after, context.me, id, from.clone())
        }
        Exchange::Proposal(_) | Exchange::Transfer(_) => {
            accepted(listing, context.me, id, from.clone())
        }
    };
    let (opened, offers) = paid_out_with(listing, &exchange, context);
    let mut messages = vec![accepted];
    messages.extend(offers);
    let mut events = vec![Event::ExchangeAccepted { from, exchange }];
    events.extend(opened);
    Decision::because(events).sending(messages)
}

/// Pays out what a sale brings in at once, unless something was paid out a moment ago.
fn paid_out_with(
    listing: &Listing,
    exchange: &Exchange,
    context: &Context<'_>,
) -> (Vec<Event>, Vec<OutgoingMessage>) {
    let Exchange::Transfer(Transfer { amount, purpose: Purpose::Order(order), .. }) = exchange
    else {
        return (Vec::new(), Vec::new());
    };
    if !payout::is_time(listing, context.now) {
        return (Vec::new(), Vec::new());
    }
    let mut due = listing.due;
    add_sale(&mut due, *amount);
    payout::begin(listing, due, status_after(order), context)
}

/// What a payout tells the seller of the status after this sale: delisted if it was exclusive.
fn status_after(order: &Order) -> ListingStatus {
    match order.license {
        License::Exclusive => ListingStatus::Delisted,
        License::SingleUse | License::Limited | License::Unlimited => ListingStatus::Active,
    }
}

/// The acceptance of what came from `to`. The seller gets the listing's summary with it.
fn accepted(
    listing: &Listing,
    me: &EntityId,
    exchange: ExchangeId,
    to: EntityId,
) -> OutgoingMessage {
    let summary = summary(listing, me, &to);
    OutgoingMessage { to, message: Message::Accepted { exchange, summary } }
}

/// The answer to an exchange that was decided on before.
pub(super) fn answer(listing: &Listing, me: &EntityId, received: &Received) -> OutgoingMessage {
    match received.refused {
        Some(_) => received.answer(),
        None => accepted(listing, me, received.id, received.from.clone()),
    }
}

fn summary(listing: &Listing, me: &EntityId, to: &EntityId) -> Option<Box<ListingSummary>> {
    let is_sellers = listing.offer.as_ref().is_some_and(|offer| offer.seller == *to);
    if !is_sellers {
        return None;
    }
    listing.summary(me.as_listing()?).map(Box::new)
}

fn may_accept(listing: &Listing, from: &EntityId, exchange: &Exchange) -> Result<(), NotTaken> {
    if from.kind != Kind::User {
        return Err(NotTaken::NoSuchPayee);
    }
    if listing.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    let offer = listing.offer.as_deref();
    match exchange {
        Exchange::Transfer(transfer) => match (&transfer.purpose, offer) {
            (Purpose::Order(order), Some(offer)) => {
                may_sell(listing, offer, from, order, transfer).map_err(NotTaken::NotSold)
            }
            (Purpose::Order(_) | Purpose::ToUser(_) | Purpose::Budget | Purpose::Fees(_), _) => {
                Err(NotTaken::NoSuchPayee)
            }
        },
        Exchange::Proposal(proposal) => match (&proposal.content, offer) {
            (Content::Publish(_), None) | (Content::Rate(_), Some(_)) => Ok(()),
            (Content::Change(change), Some(offer)) if offer.seller == *from => {
                may_change(listing, offer, change).map_err(NotTaken::NotSold)
            }
            (Content::Publish(_) | Content::Change(_) | Content::Rate(_), _) => {
                Err(NotTaken::NoSuchPayee)
            }
        },
    }
}

/// The guards of a sale, in the order in which a buyer is told of them.
fn may_sell(
    listing: &Listing,
    offer: &Offer,
    buyer: &EntityId,
    order: &Order,
    transfer: &Transfer,
) -> Result<(), NotSold> {
    if offer.seller == *buyer {
        return Err(NotSold::OwnListing);
    }
    listing.is_for_sale(offer)?;
    if order.terms_version != offer.terms_version || transfer.amount != offer.price {
        let (version, price) = (offer.version, offer.price);
        return Err(NotSold::TermsChanged { version, price });
    }
    if order.expected_version.is_some_and(|expected| expected != offer.version) {
        return Err(NotSold::VersionChanged { version: offer.version });
    }
    Ok(())
}

fn may_change(listing: &Listing, offer: &Offer, change: &Change) -> Result<(), NotSold> {
    if change.if_version.is_some_and(|expected| expected != offer.version) {
        return Err(NotSold::VersionChanged { version: offer.version });
    }
    let sales = listing.sales;
    let license = change.license.unwrap_or(offer.license);
    let fits = match license {
        // Files that were sold exclusively stay so, and files that others have bought are not
        // exclusive.
        License::Exclusive => sales == 0 || offer.license == License::Exclusive,
        License::Limited | License::SingleUse | License::Unlimited
            if offer.license == License::Exclusive =>
        {
            sales == 0
        }
        License::Limited => {
            let most = change.max_sales.or(offer.max_sales);
            most.is_some_and(|most| sales <= most)
        }
        License::SingleUse | License::Unlimited => true,
    };
    if !fits {
        return Err(NotSold::HasSales { sales });
    }
    let sold_out = license == License::Exclusive && sales > 0;
    if sold_out && change.status.is_some_and(|status| status != ListingStatus::Delisted) {
        return Err(NotSold::SoldOut);
    }
    let keeps_current = offer.current().is_some_and(|current| current.sales > 0);
    if change.files.is_some() && keeps_current && offer.contents.len() >= MAX_CONTENTS {
        return Err(NotSold::TooManyContents);
    }
    Ok(())
}

pub(super) fn apply(listing: &mut Listing, from: &EntityId, exchange: &Exchange, at: Timestamp) {
    listing.inbox.accept(exchange.id(), from.clone());
    match exchange {
        Exchange::Transfer(transfer) => {
            let Purpose::Order(order) = &transfer.purpose else {
                unreachable!("a listing accepts orders only")
            };
            apply_sale(listing, order, transfer.amount);
        }
        Exchange::Proposal(proposal) => match &proposal.content {
            Content::Publish(draft) => {
                listing.offer = Some(Box::new(published(from, draft, at)));
            }
            Content::Change(change) => {
                let offer = listing.offer.as_mut().expect("only what was offered is changed");
                apply_change(offer, change, at);
            }
            Content::Rate(rating) => apply_rating(listing, rating, proposal.id),
        },
    }
}

fn apply_rating(listing: &mut Listing, rating: &Rating, id: ExchangeId) {
    let given = listing.ratings.entry(rating.purchase).or_insert((0, id));
    // A late repeat of an earlier rating does not undo a later one.
    if given.1 <= id {
        *given = (rating.stars, id);
    }
}

fn published(seller: &EntityId, draft: &Draft, at: Timestamp) -> Offer {
    Offer {
        seller: seller.clone(),
        created_at: at,
        updated_at: at,
        version: 1,
        terms_version: 1,
        status: ListingStatus::Active,
        title: draft.title.clone(),
        description: draft.description.clone(),
        tags: draft.tags.clone(),
        price: draft.price,
        license: draft.license,
        max_sales: draft.max_sales,
        contents: vec![Contents { number: 1, sales: 0, files: draft.files.clone() }],
    }
}

fn apply_change(offer: &mut Offer, change: &Change, at: Timestamp) {
    let before = (offer.title.clone(), offer.price, offer.license);
    let Change {
        if_version: _,
        title,
        description,
        tags,
        price,
        license,
        max_sales,
        files,
        status,
    } = change;
    if let Some(title) = title {
        offer.title.clone_from(title);
    }
    if let Some(description) = description {
        offer.description.clone_from(description);
    }
    if let Some(tags) = tags {
        offer.tags.clone_from(tags);
    }
    offer.price = price.unwrap_or(offer.price);
    offer.license = license.unwrap_or(offer.license);
    offer.max_sales = match offer.license {
        License::Limited => max_sales.or(offer.max_sales),
        License::SingleUse | License::Unlimited | License::Exclusive => None,
    };
    offer.status = status.unwrap_or(offer.status);
    let mut terms_changed = before != (offer.title.clone(), offer.price, offer.license);
    if let Some(files) = files {
        terms_changed |= change_files(offer, files);
    }
    offer.version = next(offer.version);
    if terms_changed {
        offer.terms_version = next(offer.terms_version);
    }
    offer.updated_at = at;
}

/// Replaces the current files; files that were sold stay for their buyers. Returns whether the new
/// ones differ.
fn change_files(offer: &mut Offer, files: &Arc<[File]>) -> bool {
    let Some(current) = offer.contents.last_mut() else { return false };
    if current.files == *files {
        return false;
    }
    let number = next(current.number);
    let next = Contents { number, sales: 0, files: files.clone() };
    if current.sales == 0 {
        *current = next;
    } else {
        offer.contents.push(next);
    }
    true
}

fn apply_sale(listing: &mut Listing, order: &Order, price: Micros) {
    listing.sales = listing.sales.checked_add(1).expect("sales are counted in 32 bits");
    add_sale(&mut listing.due, price);
    let offer = listing.offer.as_mut().expect("only what was offered is sold");
    let sold = offer.contents.iter_mut().find(|contents| contents.number == order.contents);
    let contents = sold.expect("what is sold is kept");
    contents.sales = contents.sales.checked_add(1).expect("sales are counted in 32 bits");
    if offer.license == License::Exclusive {
        offer.status = ListingStatus::Delisted;
        offer.version = next(offer.version);
    }
}

fn add_sale(due: &mut Due, price: Micros) {
    let fees = Fees::of(price);
    due.fees = due.fees.and(fees);
    due.proceeds.credit(price.saturating_sub(fees.total()));
    due.sales = due.sales.checked_add(1).expect("sales are counted in 32 bits");
}

/// The next version, or the next number of contents.
fn next(version: u32) -> u32 {
    version.checked_add(1).expect("versions are counted in 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Inbox, OpenTransfer};
    use crate::machine::Machine;
    use crate::market::Proceeds;
    use crate::testing::{
        NOW, UnderTest, check_edges, check_guards, exchange_id, files_of, fresh, full_inbox,
        listing, listing_id, micros, nearly_full_inbox, offered, order_of, person, project,
        proposal, rating, system, transfer,
    };
    use crate::transfer::UserPurpose;
    use License::{Exclusive, Limited, SingleUse, Unlimited};
    use ListingStatus::{Active, Delisted, Paused};

    type Case = (UnderTest<Listing>, EntityId, Exchange);

    fn ordered(order: Order, amount: u64) -> Exchange {
        let purpose = Purpose::Order(Box::new(order));
        Exchange::Transfer(transfer(1, listing(8), amount, purpose))
    }

    /// Ada's order of listing 8.
    fn order() -> Exchange {
        ordered(order_of(8), 100)
    }

    fn order_mut(exchange: &mut Exchange) -> &mut Order {
        match exchange {
            Exchange::Transfer(Transfer { purpose: Purpose::Order(order), .. }) => order,
            Exchange::Transfer(_) | Exchange::Proposal(_) => panic!("{exchange:?}"),
        }
    }

    fn changes(change: Change) -> Exchange {
        Exchange::Proposal(proposal(1, 8, Content::Change(Box::new(change))))
    }

    fn draft() -> Draft {
        Draft {
            title: "New files".into(),
            description: "Files of another test".into(),
            tags: vec!["new".into()],
            price: micros(200),
            license: Limited,
            max_sales: Some(3),
            files: files_of(&[1, 2]),
        }
    }

    fn publishes() -> Exchange {
        Exchange::Proposal(proposal(1, 8, Content::Publish(Box::new(draft()))))
    }

    fn rates(stars: u8) -> Exchange {
        Exchange::Proposal(proposal(1, 8, rating(8, stars)))
    }

    fn no_listing() -> UnderTest<Listing> {
        UnderTest::new(listing(8))
    }

    fn other_terms() -> NotTaken {
        NotTaken::NotSold(NotSold::TermsChanged { version: 1, price: micros(100) })
    }

    /// The reason for refusing an exchange, if it is refused.
    fn not_accepted((listing, from, exchange): &Case) -> Option<NotTaken> {
        let decision = listing.entity.receive(from.clone(), exchange.message(), &listing.context());
        match &decision.messages.first().expect("an answer").message {
            Message::Accepted { .. } => None,
            Message::Refused { why, .. } => {
                let entry = decision.entry.as_ref().expect("a refusal is remembered");
                let (id, from) = (exchange.id(), from.clone());
                assert_eq!(entry.events, [Event::ExchangeRefused { id, from, why: *why }]);
                Some(*why)
            }
            other @ (Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Offer(_)
            | Message::Propose(_)
            | Message::Forget { .. }
            | Message::Confirm { .. }
            | Message::Confirmed { .. }
            | Message::Closed { .. }) => panic!("{other:?}"),
        }
    }

    #[test]
    fn guards_of_an_order_refuse_in_their_order() {
        check_guards(
            &(offered(), person("ada"), order()),
            not_accepted,
            &[
                (|(_, from, _)| *from = project(1), NotTaken::NoSuchPayee),
                (|(listing, ..)| listing.inbox = full_inbox(), NotTaken::Busy),
                (|(listing, ..)| listing.offer = None, NotTaken::NoSuchPayee),
            ],
        );
        // What a listing that is offered answers to the order.
        check_guards(
            &(offered(), person("ada"), order()),
            not_accepted,
            &[
                (
                    |(listing, ..)| listing.offered().seller = person("ada"),
                    NotTaken::NotSold(NotSold::OwnListing),
                ),
                (
                    |(listing, ..)| {
                        listing.offered().license = Exclusive;
                        listing.sold(1);
                    },
                    NotTaken::NotSold(NotSold::SoldOut),
                ),
                (
                    |(listing, ..)| listing.offered().status = Paused,
                    NotTaken::NotSold(NotSold::NotActive(Paused)),
                ),
                (|(_, _, order)| order_mut(order).terms_version = 2, other_terms()),
                (
                    |(_, _, order)| order_mut(order).expected_version = Some(2),
                    NotTaken::NotSold(NotSold::VersionChanged { version: 1 }),
                ),
            ],
        );
    }

    #[test]
    fn bounds_of_an_order_hold_exactly_at_their_edge() {
        fn limited(listing: &mut Listing, sales: u32) {
            (listing.offered().license, listing.offered().max_sales) = (Limited, Some(3));
            listing.sold(sales);
        }
        let not_sold = |why| Some(NotTaken::NotSold(why));
        check_edges(
            &(offered(), person("ada"), order()),
            not_accepted,
            &[
                (|(listing, ..)| listing.inbox = nearly_full_inbox(), None),
                (|(listing, ..)| limited(listing, 2), None),
                (|(listing, ..)| limited(listing, 3), not_sold(NotSold::SoldOut)),
                (|(listing, ..)| limited(listing, 4), not_sold(NotSold::SoldOut)),
                (
                    |(listing, ..)| {
                        limited(listing, 9);
                        listing.offered().max_sales = None;
                    },
                    None,
                ),
                (|(listing, ..)| listing.offered().license = Exclusive, None),
                (|(listing, ..)| listing.sold(u32::MAX - 1), None),
                (
                    |(listing, ..)| listing.offered().status = Delisted,
                    not_sold(NotSold::NotActive(Delisted)),
                ),
                (|(_, _, order)| *order = ordered(order_of(8), 99), Some(other_terms())),
                (|(_, _, order)| *order = ordered(order_of(8), 101), Some(other_terms())),
                (|(_, _, order)| order_mut(order).terms_version = 0, Some(other_terms())),
                (|(_, _, order)| order_mut(order).expected_version = Some(1), None),
            ],
        );
    }

    #[test]
    fn guards_of_a_change_refuse_in_their_order() {
        check_guards(
            &(
                offered(),
                person("seller"),
                changes(Change { files: Some(files_of(&[2])), ..Change::default() }),
            ),
            not_accepted,
            &[
                (|(_, from, _)| *from = listing(8), NotTaken::NoSuchPayee),
                (|(_, from, _)| *from = person("ada"), NotTaken::NoSuchPayee),
                (
                    |(_, _, change)| change_mut(change).if_version = Some(2),
                    NotTaken::NotSold(NotSold::VersionChanged { version: 1 }),
                ),
                (
                    |(listing, _, change)| {
                        listing.sold(3);
                        change_mut(change).license = Some(Limited);
                        change_mut(change).max_sales = Some(2);
                    },
                    NotTaken::NotSold(NotSold::HasSales { sales: 3 }),
                ),
                (
                    |(listing, ..)| {
                        listing.offered().contents.resize(
                            MAX_CONTENTS,
                            Contents { number: 1, sales: 1, files: files_of(&[1]) },
                        );
                    },
                    NotTaken::NotSold(NotSold::TooManyContents),
                ),
            ],
        );
        // Checked before the number of its contents: what was sold exclusively stays sold.
        check_guards(
            &(
                offered().with(|listing| {
                    listing.offered().license = Exclusive;
                    listing.sold(1);
                }),
                person("seller"),
                changes(Change { files: Some(files_of(&[2])), ..Change::default() }),
            ),
            not_accepted,
            &[
                (
                    |(_, _, change)| change_mut(change).license = Some(Unlimited),
                    NotTaken::NotSold(NotSold::HasSales { sales: 1 }),
                ),
                (
                    |(_, _, change)| change_mut(change).status = Some(Active),
                    NotTaken::NotSold(NotSold::SoldOut),
                ),
                (
                    |(listing, ..)| {
                        listing.offered().contents.resize(
                            MAX_CONTENTS,
                            Contents { number: 1, sales: 1, files: files_of(&[1]) },
                        );
                    },
                    NotTaken::NotSold(NotSold::TooManyContents),
                ),
            ],
        );
    }

    fn change_mut(exchange: &mut Exchange) -> &mut Change {
        match exchange {
            Exchange::Proposal(Proposal { content: Content::Change(change), .. }) => change,
            Exchange::Proposal(_) | Exchange::Transfer(_) => panic!("{exchange:?}"),
        }
    }

    #[test]
    fn what_was_sold_bounds_what_may_change() {
        let to = |license| Change { license: Some(license), ..Change::default() };
        let most = |license, most| Change { max_sales: Some(most), ..to(license) };
        let status = |status| Change { status: Some(status), ..Change::default() };
        let none = Change::default();
        let has = |sales| Some(NotSold::HasSales { sales });
        // The license, the most sales, the sales so far, and the change; the refusal.
        let rows = [
            (Unlimited, None, 0, to(Exclusive), None),
            (Unlimited, None, 1, to(Exclusive), has(1)),
            (SingleUse, None, 1, to(Exclusive), has(1)),
            (Limited, Some(3), 1, to(Exclusive), has(1)),
            (Exclusive, None, 0, to(Exclusive), None),
            (Exclusive, None, 1, to(Exclusive), None),
            (Exclusive, None, 0, to(Unlimited), None),
            (Exclusive, None, 1, to(Unlimited), has(1)),
            (Exclusive, None, 1, to(SingleUse), has(1)),
            (Exclusive, None, 1, most(Limited, 9), has(1)),
            (Exclusive, None, 0, most(Limited, 9), None),
            (Unlimited, None, 3, most(Limited, 4), None),
            (Unlimited, None, 3, most(Limited, 3), None),
            (Unlimited, None, 3, most(Limited, 2), has(3)),
            (Unlimited, None, 0, to(Limited), has(0)),
            (Limited, Some(5), 3, most(Limited, 3), None),
            (Limited, Some(5), 3, most(Limited, 2), has(3)),
            (Limited, Some(5), 3, none.clone(), None),
            (Limited, Some(5), 5, none.clone(), None),
            (Limited, Some(5), 5, to(Unlimited), None),
            (Unlimited, None, 9, to(SingleUse), None),
            (Unlimited, None, 9, none.clone(), None),
            // What was sold exclusively is not sold again.
            (Exclusive, None, 1, status(Active), Some(NotSold::SoldOut)),
            (Exclusive, None, 1, status(Paused), Some(NotSold::SoldOut)),
            (Exclusive, None, 1, status(Delisted), None),
            (Exclusive, None, 1, none.clone(), None),
            (Exclusive, None, 0, status(Paused), None),
            (Limited, Some(5), 5, status(Active), None),
            (Unlimited, None, 1, status(Active), None),
        ];
        for (license, max_sales, sales, change, expected) in rows {
            let listing = offered().with(|listing| {
                (listing.offered().license, listing.offered().max_sales) = (license, max_sales);
                listing.sold(sales);
            });
            let case = (listing, person("seller"), changes(change.clone()));
            let expected = expected.map(NotTaken::NotSold);
            assert_eq!(not_accepted(&case), expected, "{license:?} {sales} {change:?}");
        }
    }

    #[test]
    fn bounds_of_a_change_hold_exactly_at_their_edge() {
        fn contents(listing: &mut Listing, count: usize, sales: u32) {
            let contents = Contents { number: 1, sales, files: files_of(&[1]) };
            listing.offered().contents.resize(count, contents);
            listing.offered().contents.last_mut().expect("has some").sales = sales;
        }
        let too_many = Some(NotTaken::NotSold(NotSold::TooManyContents));
        let version = Some(NotTaken::NotSold(NotSold::VersionChanged { version: 1 }));
        check_edges(
            &(
                offered(),
                person("seller"),
                changes(Change { files: Some(files_of(&[2])), ..Change::default() }),
            ),
            not_accepted,
            &[
                (|(listing, ..)| contents(listing, MAX_CONTENTS - 1, 1), None),
                (|(listing, ..)| contents(listing, MAX_CONTENTS, 1), too_many),
                // Files that nobody bought are replaced.
                (|(listing, ..)| contents(listing, MAX_CONTENTS, 0), None),
                (
                    |(listing, _, change)| {
                        change_mut(change).files = None;
                        contents(listing, MAX_CONTENTS, 1);
                    },
                    None,
                ),
                (|(_, _, change)| change_mut(change).if_version = Some(1), None),
                (|(_, _, change)| change_mut(change).if_version = Some(0), version),
            ],
        );
    }

    #[test]
    fn who_may_send_what_to_whom() {
        let no = Some(NotTaken::NoSuchPayee);
        let to_user = Purpose::ToUser(UserPurpose::Grant);
        let gift = |purpose| Exchange::Transfer(transfer(1, listing(8), 100, purpose));
        // The sender, the listing, the proposal; the refusal.
        let rows = [
            ("seller", no_listing(), publishes(), None),
            ("seller", offered(), publishes(), no),
            ("ada", offered(), publishes(), no),
            ("seller", offered(), changes(Change::default()), None),
            ("ada", offered(), changes(Change::default()), no),
            ("seller", no_listing(), changes(Change::default()), no),
            ("ada", offered(), rates(5), None),
            ("ada", no_listing(), rates(5), no),
            ("ada", offered(), order(), None),
            ("ada", no_listing(), order(), no),
            ("ada", offered(), gift(Purpose::Budget), no),
            ("ada", offered(), gift(Purpose::Fees(Fees::default())), no),
            ("ada", offered(), gift(to_user), no),
            ("ada", no_listing(), gift(Purpose::Budget), no),
        ];
        for (place, (from, listing, exchange, expected)) in rows.into_iter().enumerate() {
            assert_eq!(not_accepted(&(listing, person(from), exchange)), expected, "row {place}");
        }
    }

    #[test]
    fn a_listing_is_what_its_seller_proposed() {
        let mut listing = no_listing();
        let step = listing.hear(&person("seller"), publishes().message());
        let from = person("seller");
        assert_eq!(step.events, [Event::ExchangeAccepted { from, exchange: publishes() }]);
        let expected = Offer {
            seller: person("seller"),
            created_at: NOW,
            updated_at: NOW,
            version: 1,
            terms_version: 1,
            status: Active,
            title: "New files".into(),
            description: "Files of another test".into(),
            tags: vec!["new".into()],
            price: micros(200),
            license: Limited,
            max_sales: Some(3),
            contents: vec![Contents { number: 1, sales: 0, files: files_of(&[1, 2]) }],
        };
        assert_eq!(listing.offer.as_deref(), Some(&expected));
        // Its seller gets its summary as it is from now on.
        let summary = ListingSummary::published(listing_id(8), &person("seller"), &draft(), NOW);
        let exchange = exchange_id(1);
        let message = Message::Accepted { exchange, summary: Some(Box::new(summary)) };
        let answer = OutgoingMessage { to: person("seller"), message };
        assert_eq!(step.messages, std::slice::from_ref(&answer));
        assert_eq!(listing.outstanding(&listing.me), [answer], "told again after a crash");
    }

    #[test]
    fn a_change_changes_what_it_names() {
        let none = Change::default();
        type Row = (Change, fn(&mut Offer));
        // The change; the offer after it, except for `version` and `updated_at`.
        let rows: [Row; 15] = [
            (none.clone(), |_| ()),
            (Change { title: Some("Other".into()), ..none.clone() }, |offer| {
                offer.title = "Other".into();
                offer.terms_version = 2;
            }),
            (Change { description: Some("Other".into()), ..none.clone() }, |offer| {
                offer.description = "Other".into();
            }),
            (Change { tags: Some(vec!["other".into()]), ..none.clone() }, |offer| {
                offer.tags = vec!["other".into()];
            }),
            (Change { price: Some(micros(90)), ..none.clone() }, |offer| {
                offer.price = micros(90);
                offer.terms_version = 2;
            }),
            (Change { license: Some(SingleUse), ..none.clone() }, |offer| {
                offer.license = SingleUse;
                offer.terms_version = 2;
            }),
            (Change { license: Some(Limited), max_sales: Some(4), ..none.clone() }, |offer| {
                (offer.license, offer.max_sales) = (Limited, Some(4));
                offer.terms_version = 2;
            }),
            // A license without a limit keeps none.
            (Change { max_sales: Some(4), ..none.clone() }, |_| ()),
            (Change { status: Some(Paused), ..none.clone() }, |offer| offer.status = Paused),
            (Change { if_version: Some(1), ..none.clone() }, |_| ()),
            (
                Change {
                    title: Some("Some files".into()),
                    price: Some(micros(100)),
                    license: Some(Unlimited),
                    ..none.clone()
                },
                |_| (),
            ),
            (Change { files: Some(files_of(&[1])), ..none.clone() }, |_| ()),
            (Change { files: Some(files_of(&[2])), ..none.clone() }, |offer| {
                offer.contents = vec![Contents { number: 2, sales: 0, files: files_of(&[2]) }];
                offer.terms_version = 2;
            }),
            (
                Change { files: Some(files_of(&[2])), price: Some(micros(1)), ..none.clone() },
                |offer| {
                    offer.contents = vec![Contents { number: 2, sales: 0, files: files_of(&[2]) }];
                    offer.price = micros(1);
                    offer.terms_version = 2;
                },
            ),
            (Change { files: Some(files_of(&[1])), price: Some(micros(1)), ..none }, |offer| {
                offer.price = micros(1);
                offer.terms_version = 2;
            }),
        ];
        for (change, make) in rows {
            let mut listing = offered();
            let mut expected = listing.offered().clone();
            make(&mut expected);
            expected.version = 2;
            expected.updated_at = NOW;
            let step = listing.hear(&person("seller"), changes(change.clone()).message());
            assert_eq!(*listing.offered(), expected, "{change:?}");
            let summary = listing.summary(listing_id(8)).map(Box::new);
            let message = Message::Accepted { exchange: exchange_id(1), summary };
            assert_eq!(step.messages, [OutgoingMessage { to: person("seller"), message }]);
        }
    }

    #[test]
    fn a_limit_stays_where_the_license_stays_limited() {
        // The change of the license and of the limit; the limit afterwards.
        let rows = [
            (None, None, Some(5)),
            (None, Some(7), Some(7)),
            (Some(Limited), None, Some(5)),
            (Some(Unlimited), Some(7), None),
            (Some(SingleUse), None, None),
            (Some(Exclusive), None, None),
        ];
        for (license, max_sales, expected) in rows {
            let mut listing = offered().with(|listing| {
                (listing.offered().license, listing.offered().max_sales) = (Limited, Some(5));
            });
            let change = Change { license, max_sales, ..Change::default() };
            listing.hear(&person("seller"), changes(change).message());
            assert_eq!(listing.offered().max_sales, expected, "{license:?} {max_sales:?}");
        }
    }

    #[test]
    fn files_that_were_sold_stay_for_their_buyers() {
        let mut listing = offered().with(|listing| listing.sold(2));
        let change = Change { files: Some(files_of(&[2])), ..Change::default() };
        listing.hear(&person("seller"), changes(change).message());
        let expected = [
            Contents { number: 1, sales: 2, files: files_of(&[1]) },
            Contents { number: 2, sales: 0, files: files_of(&[2]) },
        ];
        assert_eq!(listing.offered().contents, expected);
        assert_eq!(listing.contents(1), Some(&expected[0]));
        assert_eq!(listing.contents(2), Some(&expected[1]));
        assert_eq!(listing.contents(3), None);
        assert_eq!(listing.offered().current(), Some(&expected[1]));
        // A sale counts with the contents that were ordered.
        let late = Order { contents: 1, terms_version: 2, ..order_of(8) };
        listing.apply(&[Event::ExchangeAccepted {
            from: person("ada"),
            exchange: ordered(late, 100),
        }]);
        assert_eq!(listing.contents(1).map(|contents| contents.sales), Some(3));
        assert_eq!(listing.contents(2).map(|contents| contents.sales), Some(0));
    }

    fn opened(id: u128, to: EntityId, amount: u64, purpose: Purpose) -> Event {
        let exchange = Transfer { id: ExchangeId::new(id), to, amount: micros(amount), purpose };
        Event::TransferOpened(OpenTransfer { exchange, asked: None })
    }

    fn fees(burned: u64, stakers: u64, treasury: u64) -> Fees {
        Fees { burned: micros(burned), stakers: micros(stakers), treasury: micros(treasury) }
    }

    fn pays(id: u128, amount: u64, sales: u32, status: ListingStatus) -> Event {
        let purpose = Purpose::ToUser(UserPurpose::Proceeds(Proceeds { sales, status }));
        opened(id, person("seller"), amount, purpose)
    }

    #[test]
    fn a_sale_is_counted_and_what_it_brings_is_paid_out_at_once() {
        // The license; the status and the version after the sale.
        let rows = [
            (Unlimited, Active, 1),
            (SingleUse, Active, 1),
            (Limited, Active, 1),
            (Exclusive, Delisted, 2),
        ];
        for (license, status, version) in rows {
            let mut listing = offered().with(|listing| {
                (listing.offered().license, listing.offered().max_sales) = (license, Some(9));
            });
            let exchange = ordered(Order { license, ..order_of(8) }, 100);
            let step = listing.hear(&person("ada"), exchange.message());
            let from = person("ada");
            let of = fees(1, 1, 1);
            let expected = [
                Event::ExchangeAccepted { from, exchange },
                pays(fresh(1), 97, 1, status),
                opened(fresh(1) + 1, system(), 3, Purpose::Fees(of)),
            ];
            assert_eq!(step.events, expected);
            let accepted = crate::exchange::accepted(exchange_id(1), person("ada"));
            let offers: Vec<OutgoingMessage> = listing.outbox.offers().collect();
            assert_eq!(step.messages, [&[accepted][..], &offers].concat());
            assert_eq!(offers.len(), 2);
            assert_eq!((listing.sales, listing.due), (1, Due::default()));
            assert_eq!((listing.offered().status, listing.offered().version), (status, version));
            assert_eq!(listing.offered().contents[0].sales, 1);
            assert_eq!(listing.paid_out_at, NOW);
        }
    }

    #[test]
    fn sales_that_follow_closely_are_gathered() {
        let mut listing = offered();
        listing.hear(&person("ada"), order().message());
        let again = |n| match order() {
            Exchange::Transfer(transfer) => {
                Exchange::Transfer(Transfer { id: exchange_id(n), ..transfer })
            }
            Exchange::Proposal(_) => unreachable!("an order"),
        };
        for n in 2..4 {
            let step = listing.hear(&person("bob"), again(n).message());
            assert_eq!((step.events.len(), step.messages.len()), (1, 1), "nothing is paid out");
        }
        let due = Due { proceeds: micros(194), sales: 2, fees: fees(2, 2, 2) };
        assert_eq!((listing.due, listing.sales), (due, 3));
        assert_eq!(due.total(), micros(200));
    }

    #[test]
    fn a_price_that_brings_nothing_is_paid_out_to_nobody() {
        // The price; the seller's part and the protocol's.
        let rows =
            [(0, None, None), (1, Some(1), None), (33, Some(33), None), (34, Some(33), Some(1))];
        for (price, to_seller, to_protocol) in rows {
            let mut listing = offered().with(|listing| listing.offered().price = micros(price));
            let step = listing.hear(&person("ada"), ordered(order_of(8), price).message());
            let to_seller = to_seller.map(|amount| pays(fresh(1), amount, 1, Active));
            let to_protocol = to_protocol.map(|amount| {
                opened(fresh(1) + 1, system(), amount, Purpose::Fees(fees(0, 0, amount)))
            });
            let expected: Vec<Event> = to_seller.into_iter().chain(to_protocol).collect();
            assert_eq!(step.events[1..], expected, "{price}");
            assert_eq!(listing.due.sales, u32::from(price == 0));
        }
    }

    #[test]
    fn the_last_rating_counts() {
        let rated = |n: u64, purchase: u64, stars| {
            Exchange::Proposal(Proposal {
                content: rating(purchase, stars),
                ..proposal(n, 8, rating(1, 1))
            })
        };
        let mut listing = offered();
        let ratings = |listing: &Listing| {
            let given = listing.ratings.values();
            given.map(|(stars, _)| *stars).collect::<Vec<_>>()
        };
        // The proposal, the purchase, the stars; the stars that count afterwards.
        let rows: [(u64, u64, u8, &[u8]); 4] =
            [(2, 8, 4, &[4]), (5, 8, 1, &[1]), (3, 8, 5, &[1]), (6, 9, 3, &[1, 3])];
        for (n, purchase, stars, expected) in rows {
            let step = listing.hear(&person("ada"), rated(n, purchase, stars).message());
            assert_eq!(step.messages.len(), 1);
            assert_eq!(ratings(&listing), expected, "{n} {purchase} {stars}");
        }
        assert_eq!(listing.sales, 0);
        let id = listing.ratings.values().map(|(_, id)| *id).collect::<Vec<_>>();
        assert_eq!(id, [5, 6].map(exchange_id));
    }

    #[test]
    fn a_repeat_is_answered_as_the_first_whatever_has_become_of_the_listing() {
        let rows: [fn(&mut UnderTest<Listing>); 3] = [
            |_| (),
            |listing| listing.offered().status = Delisted,
            |listing| listing.offered().seller = person("ada"),
        ];
        for (place, change) in rows.into_iter().enumerate() {
            let mut listing = offered();
            listing.hear(&person("ada"), order().message());
            change(&mut listing);
            let step = listing.hear(&person("ada"), order().message());
            assert_eq!(step.events, []);
            let [OutgoingMessage { to, message: Message::Accepted { exchange, summary } }] =
                &*step.messages
            else {
                panic!("{step:?}");
            };
            assert_eq!((to, *exchange), (&person("ada"), exchange_id(1)));
            assert_eq!(summary.is_some(), place == 2, "a summary is for sellers");
            assert_eq!(listing.sales, 1);
        }
    }

    #[test]
    fn who_opened_what_is_accepted_is_remembered() {
        let mut listing = offered();
        listing.hear(&person("ada"), order().message());
        let mut expected = Inbox::default();
        expected.accept(exchange_id(1), person("ada"));
        assert_eq!(listing.inbox, expected);
        assert!(
            !listing
                .hear(&person("ada"), Message::Forget { exchange: exchange_id(1) })
                .events
                .is_empty()
        );
        assert_eq!(listing.inbox, Inbox::default());
    }

    #[test]
    fn a_refusal_is_given_again_until_its_opener_has_heard_it() {
        let mut listing = offered();
        listing.offered().status = Paused;
        let why = NotTaken::NotSold(NotSold::NotActive(Paused));
        let refusal = refused(exchange_id(1), person("ada"), why);
        let step = listing.hear(&person("ada"), order().message());
        assert_eq!(step.messages, std::slice::from_ref(&refusal));
        listing.offered().status = Active;
        let step = listing.hear(&person("ada"), order().message());
        assert_eq!((step.events, step.messages), (vec![], vec![refusal.clone()]));
        assert_eq!(listing.outstanding(&listing.me), [refusal]);
        listing.hear(&person("ada"), Message::Forget { exchange: exchange_id(1) });
        assert_eq!((listing.inbox.clone(), listing.sales), (Inbox::default(), 0));
    }
}
