//! Buying a listing: the buyer orders on the terms that were last seen of it. They may have changed
//! since, so the listing has the last word.

use super::opening;
use super::{MAX_PURCHASES, Refusal, User};
use crate::context::Asked;
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::{ExchangeId, ListingId, PurchaseId};
use crate::listing::SaleTerms;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::market::{Order, Purchase};
use crate::message::NotSold;
use crate::money::Micros;
use crate::transfer::{Purpose, Transfer};

/// Buys a listing at the price of the terms that were seen.
#[derive(Clone, Debug)]
pub struct PurchaseListing {
    /// The listing to buy.
    pub listing: ListingId,
    /// The terms as they were last seen, or the reason why it could not be bought. Either may be
    /// out of date; the listing has the last word.
    pub seen: Result<SaleTerms, NotSold>,
    /// The price that the buyer expects, in micros; `None` if they don't insist on one.
    pub expected_price: Option<Micros>,
    /// The listing's version that the buyer expects; `None` if they don't insist on one.
    pub expected_version: Option<u32>,
}

/// The reply to [`PurchaseListing`], once the listing has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchased {
    /// The listing that was bought.
    pub listing: ListingId,
    /// The purchase, on the terms on which it was made.
    pub purchase: Purchase,
    /// Whether this request paid for it.
    pub bought: Bought,
}

/// Whether a purchase is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bought {
    /// It was paid for by this request.
    Now,
    /// It was paid for before, and is not paid for again.
    Before,
}

impl Command for PurchaseListing {
    type Machine = User;
    type Reply = Purchased;

    /// The guards stand in the order in which a buyer is told of them. Buyers get what they own,
    /// whatever has become of the listing since.
    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { listing, seen, expected_price, expected_version } = self;
        if let Some(purchase) = user.purchase_of(listing) {
            let (purchase, bought) = (purchase.clone(), Bought::Before);
            return Ok(Decision::reply(Purchased { listing, purchase, bought }));
        }
        if user.became().is_some() {
            return Err(Refusal::BecamePerson);
        }
        if user.is_busy_with(context) {
            return Err(Refusal::RequestUnderWay);
        }
        if let Some(asked) = buying(user, listing) {
            // The same request twice at once is one purchase, and both get it.
            return Ok(Decision::of(Vec::new(), Answer::Later(asked.reply_token)));
        }
        let seen = seen?;
        if seen.seller == *context.me {
            return Err(NotSold::OwnListing.into());
        }
        if expected_price.is_some_and(|expected| expected != seen.price) {
            return Err(Refusal::PriceChanged { price: seen.price, version: seen.version });
        }
        if expected_version.is_some_and(|expected| expected != seen.version) {
            return Err(NotSold::VersionChanged { version: seen.version }.into());
        }
        if seen.price > user.available {
            let (available, price) = (user.available, seen.price);
            return Err(Refusal::InsufficientBalance { available, price });
        }
        let own = user.market.as_ref().map_or(0, |market| market.purchases.len());
        if own >= MAX_PURCHASES {
            return Err(Refusal::TooMany { what: "purchases", limit: MAX_PURCHASES });
        }
        if user.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let transfer = order(listing, seen, expected_version, context);
        Ok(opening::open(Exchange::Transfer(transfer), context).decision())
    }
}

impl Refusal {
    /// Whether a purchase was refused because of the terms that it was tried on: on newer terms it
    /// may succeed.
    #[must_use]
    pub fn is_about_terms(&self) -> bool {
        matches!(
            self,
            Self::NotSold(_) | Self::PriceChanged { .. } | Self::InsufficientBalance { .. }
        )
    }
}

/// The transfer that pays for a listing, with the order.
fn order(
    listing: ListingId,
    seen: SaleTerms,
    expected_version: Option<u32>,
    context: &Context<'_>,
) -> Transfer {
    let order = Order {
        purchase: PurchaseId::new(context.fresh),
        terms_version: seen.terms_version,
        expected_version,
        license: seen.license,
        contents: seen.contents,
        files_hash: seen.files_hash,
        title: seen.title,
        seller: seen.seller,
    };
    Transfer {
        id: ExchangeId::new(context.fresh),
        to: EntityId::listing(context.me.environment, listing),
        amount: seen.price,
        purpose: Purpose::Order(Box::new(order)),
    }
}

/// The request that is buying this listing now, if one is.
fn buying(user: &User, listing: ListingId) -> Option<Asked> {
    user.outbox.iter().find_map(|open| match &open.exchange {
        Exchange::Transfer(Transfer { to, purpose: Purpose::Order(_), .. })
            if to.as_listing() == Some(listing) =>
        {
            open.asked
        }
        Exchange::Transfer(_) | Exchange::Proposal(_) => None,
    })
}

/// The purchase that a transfer makes when it is settled, as a reply.
pub(super) fn purchased(transfer: &Transfer, order: &Order) -> Purchased {
    let listing = transfer.to.as_listing().expect("orders go to listings");
    let purchase = Purchase { order: order.clone(), price: transfer.amount, stars: None };
    Purchased { listing, purchase, bought: Bought::Now }
}

pub(super) fn apply_settled(user: &mut User, transfer: &Transfer, order: &Order) {
    let Purchased { listing, purchase, .. } = purchased(transfer, order);
    user.market_mut().purchases.insert(listing, purchase);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{MAX_OPEN, OpenExchange, forget};
    use crate::machine::Machine;
    use crate::market::{License, ListingStatus};
    use crate::message::{Message, NotTaken, OutgoingMessage};
    use crate::reply::{AnyReply, ReplyToken};
    use crate::testing::*;
    use crate::user::Event;

    fn terms() -> SaleTerms {
        SaleTerms {
            version: 3,
            price: micros(100),
            terms_version: 2,
            license: License::Limited,
            contents: 4,
            files_hash: [5; 32],
            title: "Some files".into(),
            seller: person("seller"),
        }
    }

    fn buy() -> PurchaseListing {
        let (expected_price, expected_version) = (None, None);
        PurchaseListing {
            listing: listing_id(8),
            seen: Ok(terms()),
            expected_price,
            expected_version,
        }
    }

    /// Ada can spend 150.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| ada.available = micros(150))
    }

    /// The order of [`buy`] in the first step.
    fn ordered() -> Order {
        Order {
            purchase: PurchaseId::new(fresh(1)),
            terms_version: 2,
            expected_version: None,
            license: License::Limited,
            contents: 4,
            files_hash: [5; 32],
            title: "Some files".into(),
            seller: person("seller"),
        }
    }

    fn paid(order: Order) -> Transfer {
        let purpose = Purpose::Order(Box::new(order));
        Transfer { id: ExchangeId::new(fresh(1)), to: listing(8), amount: micros(100), purpose }
    }

    fn agreed() -> Message {
        Message::Accepted { exchange: ExchangeId::new(fresh(1)), summary: None }
    }

    fn refused(why: NotTaken) -> Message {
        Message::Refused { exchange: ExchangeId::new(fresh(1)), why }
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), buy()),
            refusal,
            &[
                (|(ada, _)| ada.becomes(person("bob")), Refusal::BecamePerson),
                (
                    |(ada, _)| {
                        ada.request = Some(tag(1));
                        ada.orders(7, other_body(tag(1)));
                    },
                    Refusal::RequestUnderWay,
                ),
                (|(_, buy)| buy.seen = Err(NotSold::SoldOut), Refusal::NotSold(NotSold::SoldOut)),
                (
                    |(_, buy)| buy.seen = Ok(SaleTerms { seller: person("ada"), ..terms() }),
                    Refusal::NotSold(NotSold::OwnListing),
                ),
                (
                    |(_, buy)| buy.expected_price = Some(micros(99)),
                    Refusal::PriceChanged { price: micros(100), version: 3 },
                ),
                (
                    |(_, buy)| buy.expected_version = Some(2),
                    Refusal::NotSold(NotSold::VersionChanged { version: 3 }),
                ),
                (
                    |(ada, _)| ada.available = micros(99),
                    Refusal::InsufficientBalance { available: micros(99), price: micros(100) },
                ),
                (
                    |(ada, _)| ada.buys_until(MAX_PURCHASES),
                    Refusal::TooMany { what: "purchases", limit: 20_000 },
                ),
                (
                    |(ada, _)| fill(&mut ada.outbox, MAX_OPEN, Exchange::Transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
    }

    #[test]
    fn bounds_hold_exactly_at_their_edge() {
        let price = Refusal::PriceChanged { price: micros(100), version: 3 };
        let version = Refusal::NotSold(NotSold::VersionChanged { version: 3 });
        let paused = NotSold::NotActive(ListingStatus::Paused);
        check_edges(
            &(ada(), buy()),
            refusal,
            &[
                (|(ada, _)| ada.available = micros(100), None),
                (|(ada, _)| ada.available = micros(u64::MAX), None),
                (|(_, buy)| buy.expected_price = Some(micros(100)), None),
                (|(_, buy)| buy.expected_price = Some(micros(101)), Some(price)),
                (|(_, buy)| buy.expected_version = Some(3), None),
                (|(_, buy)| buy.expected_version = Some(4), Some(version)),
                (
                    |(_, buy)| buy.seen = Err(NotSold::NotActive(ListingStatus::Paused)),
                    Some(Refusal::NotSold(paused)),
                ),
                (|(ada, _)| ada.buys_until(MAX_PURCHASES - 1), None),
                (
                    |(ada, _)| ada.buys_until(MAX_PURCHASES + 1),
                    Some(Refusal::TooMany { what: "purchases", limit: MAX_PURCHASES }),
                ),
                (|(ada, _)| fill(&mut ada.outbox, MAX_OPEN - 1, Exchange::Transfer), None),
                // Another request may be under way, and another exchange with this listing.
                (
                    |(ada, _)| {
                        ada.request = Some(tag(1));
                        ada.orders(7, tag(2));
                        ada.rates(8, tag(3));
                    },
                    None,
                ),
            ],
        );
    }

    #[test]
    fn what_was_bought_is_had_whatever_stands_against_buying_it() {
        let mut ada = ada().with(|ada| {
            ada.buys(8);
            ada.becomes(person("bob"));
            ada.orders(8, tag(1));
        });
        ada.request = Some(tag(1));
        let before = ada.clone();
        let step = ada.ask(PurchaseListing { seen: Err(NotSold::SoldOut), ..buy() });
        let purchase = Purchase { order: order_of(8), price: micros(100), stars: None };
        let reply = Purchased { listing: listing_id(8), purchase, bought: Bought::Before };
        assert_eq!(step.answer, Answer::Now(reply.clone()));
        assert_eq!((step.events, step.messages), (vec![], vec![]));
        assert_eq!(step.remembered, Some((tag(1), AnyReply::new(reply))));
        assert_eq!(*ada, *before, "and not paid for again");
    }

    #[test]
    fn who_is_buying_waits_for_the_first_purchase() {
        type Case = (UnderTest<User>, PurchaseListing);
        let buying = ada().with(|ada| {
            ada.orders(7, tag(5));
            ada.orders(8, tag(6));
        });
        // With another key, or without one; checked before all that is about terms.
        let rows: [fn(&mut Case); 4] = [
            |(ada, _)| ada.request = Some(tag(1)),
            |_| (),
            |(_, buy)| buy.seen = Err(NotSold::SoldOut),
            |(ada, _)| ada.available = micros(0),
        ];
        for change in rows {
            let mut case = (buying.clone(), buy());
            change(&mut case);
            let (mut ada, buy) = case;
            let step = ada.ask(buy);
            assert_eq!(step.answer, Answer::Later(ReplyToken(6)));
            assert_eq!((step.events, step.messages), (vec![], vec![]));
        }
        // These are checked before it.
        let mut bob = buying.clone();
        bob.becomes(person("bob"));
        assert_eq!(refusal(&(bob, buy())), Some(Refusal::BecamePerson));
        let mut same = buying;
        same.request = Some(tag(6));
        assert_eq!(refusal(&(same, buy())), Some(Refusal::RequestUnderWay));
    }

    #[test]
    fn the_price_is_sent_with_the_terms_that_were_seen() {
        // The version that the buyer insists on.
        for expected_version in [None, Some(3)] {
            let mut ada = ada();
            ada.request = Some(tag(1));
            let step = ada.ask(PurchaseListing { expected_version, ..buy() });
            let transfer = paid(Order { expected_version, ..ordered() });
            let asked = Some(Asked { reply_token: ReplyToken(fresh(1)), request: Some(tag(1)) });
            let exchange = Exchange::Transfer(transfer.clone());
            assert_eq!(step.events, [Event::ExchangeOpened(OpenExchange { exchange, asked })]);
            let message = Message::Offer(transfer);
            assert_eq!(step.messages, [OutgoingMessage { to: listing(8), message }]);
            assert_eq!(step.answer, Answer::Later(ReplyToken(fresh(1))));
            assert_eq!(ada.available, micros(50));
            assert_eq!(ada.outbox.in_flight(), micros(100));
            assert_eq!(ada.purchase_of(listing_id(8)), None, "not bought yet");
            assert_eq!(ada.outstanding(&ada.me), step.messages, "offered again after a crash");
        }
    }

    #[test]
    fn what_costs_nothing_is_bought_as_well() {
        let mut ada = user("ada");
        ada.ask(PurchaseListing { seen: Ok(SaleTerms { price: micros(0), ..terms() }), ..buy() });
        ada.hear(&listing(8), agreed());
        assert_eq!(ada.purchase_of(listing_id(8)).map(|bought| bought.price), Some(micros(0)));
    }

    #[test]
    fn the_listings_answer_ends_the_purchase() {
        let changed = NotSold::TermsChanged { version: 4, price: micros(101) };
        let purchase = Purchase { order: ordered(), price: micros(100), stars: None };
        let bought = Purchased { listing: listing_id(8), purchase, bought: Bought::Now };
        // The answer, and the end.
        let rows = [
            (agreed(), Ok(bought)),
            (refused(NotTaken::NotSold(changed)), Err(Refusal::NotSold(changed))),
            (refused(NotTaken::NotSold(NotSold::SoldOut)), Err(Refusal::NotSold(NotSold::SoldOut))),
            (refused(NotTaken::Busy), Err(Refusal::NotTaken(NotTaken::Busy))),
            (refused(NotTaken::NotAwaited), Err(Refusal::NotTaken(NotTaken::NotAwaited))),
            (refused(NotTaken::NoSuchPayee), Err(Refusal::NotTaken(NotTaken::NoSuchPayee))),
        ];
        for (answer, end) in rows {
            let mut ada = ada();
            ada.request = Some(tag(1));
            ada.ask(buy());
            let step = ada.hear(&listing(8), answer);
            let id = ExchangeId::new(fresh(1));
            let event = match end {
                Ok(_) => Event::ExchangeSettled { id },
                Err(_) => Event::ExchangeReturned { id, amount: micros(100) },
            };
            let messages = [forget(id, listing(8))];
            assert_eq!((&*step.events, &*step.messages), (&[event][..], &messages[..]));
            assert_eq!(step.ended::<Purchased>(), Some(end.clone()));
            let remembered = end.clone().ok().map(|bought| (tag(1), AnyReply::new(bought)));
            assert_eq!(step.remembered, remembered);
            let bought = end.as_ref().ok().map(|bought| &bought.purchase);
            assert_eq!(ada.purchase_of(listing_id(8)), bought);
            assert_eq!(ada.available, micros(if bought.is_some() { 50 } else { 150 }));
            assert!(ada.outbox.is_empty());
        }
    }

    #[test]
    fn only_what_speaks_of_terms_is_tried_again_on_others() {
        let (id, price) = (contribution_id(1), micros(1));
        let rows = [
            (Refusal::NotSold(NotSold::SoldOut), true),
            (Refusal::NotSold(NotSold::OwnListing), true),
            (Refusal::PriceChanged { price, version: 1 }, true),
            (Refusal::InsufficientBalance { available: micros(0), price }, true),
            (Refusal::NotTaken(NotTaken::Busy), false),
            (Refusal::LinkNotTaken, false),
            (Refusal::BecamePerson, false),
            (Refusal::RequestUnderWay, false),
            (Refusal::TooMuchUnderWay, false),
            (Refusal::TooMany { what: "purchases", limit: MAX_PURCHASES }, false),
            (Refusal::ChangeUnderWay, false),
            (Refusal::NotForSale { id }, false),
            (Refusal::NotBought, false),
        ];
        for (refusal, is_about_terms) in rows {
            assert_eq!(refusal.is_about_terms(), is_about_terms, "{refusal:?}");
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats_later(
            &ada(),
            &buy(),
            &Refusal::RequestUnderWay,
            |ada| ada.hear(&listing(8), agreed()),
            Some(|ada| ada.hear(&listing(8), refused(NotTaken::Busy))),
        );
        check_repeats(ada().with(|ada| ada.buys(8)), &buy());
    }
}
