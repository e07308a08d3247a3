//! Rating a listing that was bought.

use super::{Refusal, User, opening};
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::Exchange;
use crate::id::{ExchangeId, ListingId, PurchaseId};
use crate::machine::{Command, Decided};
use crate::market::Rating;
use crate::proposal::{Content, Proposal};

/// Rates a listing that the user has bought. A later rating replaces an earlier one.
#[derive(Clone, Debug)]
pub struct RateListing {
    /// The listing to rate.
    pub listing: ListingId,
    /// 1 to 5, checked at the edge.
    pub stars: u8,
    /// At most 1,000 characters, checked at the edge.
    pub comment: Option<Box<str>>,
}

/// The reply to [`RateListing`], once the listing has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rated {
    /// The purchase that was rated.
    pub purchase: PurchaseId,
    /// The stars that were given, 1 to 5.
    pub stars: u8,
}

impl Command for RateListing {
    type Machine = User;
    type Reply = Rated;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { listing, stars, comment } = self;
        let purchase = user.purchase_of(listing).ok_or(Refusal::NotBought)?.order.purchase;
        // One at a time, so that the rating that was answered last is the one that counts.
        if is_rating(user, purchase) {
            return Err(Refusal::ChangeUnderWay);
        }
        if user.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let proposal = Proposal {
            id: ExchangeId::new(context.fresh),
            to: EntityId::listing(context.me.environment, listing),
            content: Content::Rate(Box::new(Rating { purchase, stars, comment })),
        };
        Ok(opening::open(Exchange::Proposal(proposal), context).decision())
    }
}

fn is_rating(user: &User, purchase: PurchaseId) -> bool {
    user.outbox.iter().any(|open| match &open.exchange {
        Exchange::Proposal(Proposal { content: Content::Rate(rating), .. }) => {
            rating.purchase == purchase
        }
        Exchange::Proposal(_) | Exchange::Transfer(_) => false,
    })
}

pub(super) fn rated(rating: &Rating) -> Rated {
    Rated { purchase: rating.purchase, stars: rating.stars }
}

pub(super) fn apply_settled(user: &mut User, listing: &EntityId, rating: &Rating) {
    let listing = listing.as_listing().expect("ratings go to listings");
    if let Some(purchase) = user.market_mut().purchases.get_mut(&listing) {
        purchase.stars = Some(rating.stars);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Asked;
    use crate::exchange::{MAX_OPEN, OpenExchange, forget};
    use crate::machine::Answer;
    use crate::market::Change;
    use crate::message::{Message, NotSold, NotTaken, OutgoingMessage};
    use crate::reply::{AnyReply, ReplyToken};
    use crate::testing::*;
    use crate::user::Event;

    fn rate(stars: u8) -> RateListing {
        RateListing { listing: listing_id(8), stars, comment: Some("Good".into()) }
    }

    /// Ada has bought listing 8.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| ada.buys(8))
    }

    fn agreed() -> Message {
        Message::Accepted { exchange: ExchangeId::new(fresh(1)), summary: None }
    }

    fn refused(why: NotTaken) -> Message {
        Message::Refused { exchange: ExchangeId::new(fresh(1)), why }
    }

    fn stars(ada: &User) -> Option<u8> {
        ada.purchase_of(listing_id(8)).expect("bought").stars
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), rate(4)),
            refusal,
            &[
                (|(_, rate)| rate.listing = listing_id(7), Refusal::NotBought),
                (|(ada, _)| ada.rates(8, tag(1)), Refusal::ChangeUnderWay),
                (
                    |(ada, _)| fill(&mut ada.outbox, MAX_OPEN, Exchange::Transfer),
                    Refusal::TooMuchUnderWay,
                ),
            ],
        );
        check_edges(
            &(ada(), rate(4)),
            refusal,
            &[
                (|(ada, _)| fill(&mut ada.outbox, MAX_OPEN - 1, Exchange::Transfer), None),
                // Another purchase is being rated, or the same listing gets another proposal.
                (|(ada, _)| ada.rates(7, tag(1)), None),
                (|(ada, _)| ada.changes(8, Change::default(), tag(1)), None),
                (|(ada, _)| ada.orders(8, tag(1)), None),
            ],
        );
    }

    #[test]
    fn the_listings_answer_ends_the_rating() {
        let (purchase, id) = (order_of(8).purchase, ExchangeId::new(fresh(1)));
        let sold_out = NotSold::SoldOut;
        // The answer; the end, and the stars that the buyer has given.
        let rows = [
            (agreed(), Ok(Rated { purchase, stars: 4 }), Some(4)),
            (refused(NotTaken::Busy), Err(Refusal::NotTaken(NotTaken::Busy)), Some(1)),
            (refused(NotTaken::NotAwaited), Err(Refusal::NotTaken(NotTaken::NotAwaited)), Some(1)),
            (refused(NotTaken::NotSold(sold_out)), Err(Refusal::NotSold(sold_out)), Some(1)),
        ];
        for (answer, end, after) in rows {
            let mut ada = ada().with(|ada| {
                let purchases = &mut ada.market.as_mut().expect("bought").purchases;
                purchases.get_mut(&listing_id(8)).expect("bought").stars = Some(1);
            });
            ada.request = Some(tag(1));
            let step = ada.ask(rate(4));
            let rating = Rating { purchase, stars: 4, comment: Some("Good".into()) };
            let content = Content::Rate(Box::new(rating));
            let proposal = Proposal { id, to: listing(8), content };
            let asked = Some(Asked { reply_token: ReplyToken(fresh(1)), request: Some(tag(1)) });
            let exchange = Exchange::Proposal(proposal.clone());
            assert_eq!(step.events, [Event::ExchangeOpened(OpenExchange { exchange, asked })]);
            let message = Message::Propose(proposal);
            assert_eq!(step.messages, [OutgoingMessage { to: listing(8), message }]);
            assert_eq!(step.answer, Answer::Later(ReplyToken(fresh(1))));
            assert_eq!(stars(&ada), Some(1), "not taken yet");
            let step = ada.hear(&listing(8), answer);
            assert_eq!(step.messages, [forget(id, listing(8))]);
            assert_eq!(step.ended::<Rated>(), Some(end.clone()));
            let remembered = end.ok().map(|rated| (tag(1), AnyReply::new(rated)));
            assert_eq!(step.remembered, remembered);
            assert_eq!(stars(&ada), after);
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats_later(
            &ada(),
            &rate(4),
            &Refusal::ChangeUnderWay,
            |ada| ada.hear(&listing(8), agreed()),
            Some(|ada| ada.hear(&listing(8), refused(NotTaken::Busy))),
        );
    }
}
