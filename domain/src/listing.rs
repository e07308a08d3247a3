//! A listing: what a seller offers, on which terms, and what it has sold.
//!
//! Its terms come from the seller, and only from them; its sales from buyers. Both come by
//! transfer. What it takes in it passes on: the seller's part to the seller, the fees to the
//! protocol; gathered for a moment, so that a thousand sales do not make a thousand transfers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::entity::EntityId;
use crate::exchange::{Bookkeeping, Exchange, Inbox, OpenTransfer, Outbox, unfunded};
use crate::id::{ExchangeId, PurchaseId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Context, Decision, Machine, OutgoingMessage};
use crate::market::{Fees, File, License, ListingStatus};
use crate::message::Message;
use crate::money::Micros;
use crate::time::Timestamp;

mod order;
mod payout;
mod summary;
mod terms;

pub use payout::PAYOUT_EVERY_MILLIS;
pub use summary::{ListingSummary, SAMPLES};
pub use terms::SaleTerms;

/// Contents of one listing at most: each is kept that was sold once.
pub const MAX_CONTENTS: usize = 50;

/// The state of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What its seller made of it; `None`: there is no such listing.
    pub offer: Option<Box<Offer>>,
    /// How often it was sold.
    pub sales: u32,
    /// What buyers gave, of 5 stars, and by which transfer.
    pub ratings: BTreeMap<PurchaseId, (u8, ExchangeId)>,
    /// Taken in and not yet paid out.
    pub due: Due,
    /// When something was passed on last.
    pub paid_out_at: Timestamp,
    /// What it has sent.
    pub outbox: Outbox,
    /// What it has taken in.
    pub inbox: Inbox,
}

/// What a seller made of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who sells.
    pub seller: EntityId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Of the listing as a whole: 1, 2, 3 …
    pub version: u32,
    /// Of what buyers pay for: title, price, license and files.
    pub terms_version: u32,
    /// Whether it is for sale.
    pub status: ListingStatus,
    /// Its name.
    pub title: Box<str>,
    /// What it is.
    pub description: Box<str>,
    /// By which it is found.
    pub tags: Vec<Box<str>>,
    /// For one purchase.
    pub price: Micros,
    /// What buyers may do with it.
    pub license: License,
    /// Purchases at most; only where the license is limited.
    pub max_sales: Option<u32>,
    /// What is sold now, last, and what was sold before and no more.
    pub contents: Vec<Contents>,
}

/// Files that are, or were, sold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// By which purchases name them.
    pub number: u32,
    /// How often they were sold.
    pub sales: u32,
    /// In the seller's order.
    pub files: Arc<[File]>,
}

/// What was taken in and not passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// To the seller.
    pub proceeds: Micros,
    /// From so many sales.
    pub sales: u32,
    /// To the protocol.
    pub fees: Fees,
}

impl Due {
    /// All of it.
    #[must_use]
    pub const fn total(&self) -> Micros {
        self.proceeds.saturating_add(self.fees.total())
    }
}

/// What happened to a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It accepted an order, or a proposal: to make it, to change it, or to rate it.
    ExchangeAccepted {
        /// Who sent it.
        from: EntityId,
        /// The exchange, as its opener has it.
        exchange: Exchange,
    },
    /// What sales brought in was paid out.
    TransferOpened(OpenTransfer),
    /// Its payee accepted it.
    TransferSettled {
        /// Names the transfer.
        id: ExchangeId,
    },
    /// Its payee refused it.
    TransferReturned {
        /// Names the transfer.
        id: ExchangeId,
        /// What came back, in micros.
        amount: Micros,
    },
    /// Whoever sent what was accepted has settled it.
    ExchangeForgotten {
        /// Names the exchange.
        id: ExchangeId,
    },
}

/// Why a listing says no to a command: it takes none, and refuses by message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {}

impl Listing {
    /// Whether all that may be sold is sold.
    #[must_use]
    pub fn is_sold_out(&self) -> bool {
        let Some(offer) = &self.offer else { return false };
        summary::is_sold_out(offer.license, offer.max_sales, self.sales)
    }

    /// Files that are or were sold, by the number of the contents.
    #[must_use]
    pub fn contents(&self, number: u32) -> Option<&Contents> {
        self.offer.as_ref()?.contents.iter().find(|contents| contents.number == number)
    }
}

impl Offer {
    /// What is sold now.
    #[must_use]
    pub fn current(&self) -> Option<&Contents> {
        self.contents.last()
    }
}

impl Machine for Listing {
    type Event = Event;
    type Refusal = Refusal;

    fn receive(&self, from: EntityId, message: Message, context: &Context<'_>) -> Decision<Self> {
        match message {
            Message::Offer(transfer) => {
                order::receive(self, from, Exchange::Transfer(transfer), context)
            }
            Message::Propose(proposal) => {
                order::receive(self, from, Exchange::Proposal(proposal), context)
            }
            Message::Refused { exchange, .. } => payout::take_back(self, exchange),
            Message::Accepted { .. } | Message::Forget { .. } => {
                let (events, messages) = self.decide_deferred(&[(from, message)]);
                Decision::because(events).sending(messages)
            }
            // A listing funds no claims and makes none.
            Message::Fund { part, .. } => Decision::answering(unfunded(part, from)),
            Message::Unfunded { .. } => Decision::nothing(),
        }
    }

    fn can_defer(&self, message: &Message) -> bool {
        matches!(message, Message::Accepted { .. } | Message::Forget { .. })
    }

    fn decide_deferred(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        let kept = Bookkeeping::of(&self.outbox, &self.inbox, messages);
        let settled = kept.settled.into_iter().map(|id| Event::TransferSettled { id });
        let forgotten = kept.forgotten.into_iter().map(|id| Event::ExchangeForgotten { id });
        (settled.chain(forgotten).collect(), kept.messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ExchangeAccepted { from, exchange } => order::apply(self, from, exchange, at),
            Event::TransferOpened(open) => payout::apply_opened(self, open, at),
            Event::TransferSettled { id } => {
                self.outbox.close(*id);
            }
            Event::TransferReturned { id, .. } => payout::apply_returned(self, *id),
            Event::ExchangeForgotten { id } => self.inbox.forget(*id, at),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::ExchangeAccepted { exchange, .. } => match exchange {
                Exchange::Transfer(transfer) => {
                    (AccountClass::InFlight, AccountClass::Listing, transfer.amount)
                }
                Exchange::Proposal(_) => return Vec::new(),
            },
            Event::TransferOpened(open) => {
                (AccountClass::Listing, AccountClass::InFlight, open.exchange.amount)
            }
            Event::TransferReturned { amount, .. } => {
                (AccountClass::InFlight, AccountClass::Listing, *amount)
            }
            Event::TransferSettled { .. } | Event::ExchangeForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage> {
        let acceptances =
            self.inbox.unsettled().map(|received| order::acceptance(self, me, received));
        self.outbox.offers().chain(acceptances).collect()
    }

    fn wakes_at(&self) -> Option<Timestamp> {
        payout::wakes_at(self)
    }

    fn decide_awake(&self, context: &Context<'_>) -> Decision<Self> {
        let (events, messages) = payout::begin(self, self.due, payout::news(self), context);
        Decision::because(events).sending(messages)
    }

    fn heap_bytes(&self) -> usize {
        let offer = self.offer.as_ref().map_or(0, |offer| {
            let contents = offer
                .contents
                .iter()
                .map(|contents| contents.files.len().saturating_mul(size_of::<File>()));
            let texts = [&offer.title, &offer.description].map(|text| text.len());
            let tags = offer.tags.iter().map(|tag| tag.len().saturating_add(size_of::<Box<str>>()));
            contents
                .chain(texts)
                .chain(tags)
                .fold(size_of::<Offer>(), |sum, bytes| sum.saturating_add(bytes))
        });
        let ratings =
            size_of::<(PurchaseId, (u8, ExchangeId))>().saturating_mul(self.ratings.len());
        [offer, ratings, self.outbox.heap_bytes(), self.inbox.heap_bytes()]
            .iter()
            .fold(0, |sum: usize, bytes| sum.saturating_add(*bytes))
    }
}
