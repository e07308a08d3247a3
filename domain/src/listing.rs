//! A listing: the contributions that a seller offers, the terms, and the sales.
//!
//! Its terms come from the seller alone, by proposal; its sales from buyers, by transfer. It pays
//! out what sales bring in: the seller's part to the seller, the fees to the protocol. Payouts are
//! gathered for a second, so that a thousand sales do not make a thousand transfers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::{Bookkeeping, Exchange, Inbox, OpenTransfer, Outbox, Sendable, unfunded};
use crate::id::{ExchangeId, PurchaseId};
use crate::ledger::{AccountClass, Posting};
use crate::listing_summary::is_sold_out;
use crate::machine::{Decision, Machine};
use crate::market::{Fees, File, License, ListingStatus};
use crate::message::{Message, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::reconciliation::TransferStep;
use crate::time::Timestamp;

mod order;
mod payout;
mod summary;
mod terms;

pub use payout::PAYOUT_EVERY_MILLIS;
pub use terms::SaleTerms;

/// The most sets of contents that one listing keeps; each set that was sold is kept.
pub const MAX_CONTENTS: usize = 50;

/// The state of a listing, under the id in its entity's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The seller's offer; `None` if there is no such listing.
    pub offer: Option<Box<Offer>>,
    /// The number of its sales.
    pub sales: u32,
    /// The stars that each buyer gave, 1 to 5, and the proposal that brought them.
    pub ratings: BTreeMap<PurchaseId, (u8, ExchangeId)>,
    /// The proceeds and fees that were not paid out yet.
    pub due: Due,
    /// The time of the last payout; the epoch before the first.
    pub paid_out_at: Timestamp,
    /// The payouts that have not ended.
    pub outbox: Outbox,
    /// The exchanges that it has decided on and whose openers have not ended them.
    pub inbox: Inbox,
}

/// The seller's offer: the files, the terms, and how to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The user who sells.
    pub seller: EntityId,
    /// The time at which it was published.
    pub created_at: Timestamp,
    /// The time of the seller's last change.
    pub updated_at: Timestamp,
    /// 1, 2, 3 … counting changes to any of it, and the delisting by an exclusive sale.
    pub version: u32,
    /// 1, 2, 3 … counting changes to what buyers pay for: title, price, license and files.
    pub terms_version: u32,
    /// Whether it is for sale.
    pub status: ListingStatus,
    /// 5 to 200 characters.
    pub title: Box<str>,
    /// 20 to 5,000 characters.
    pub description: Box<str>,
    /// Words by which it is found: at most 10.
    pub tags: Vec<Box<str>>,
    /// The price of one purchase, in micros.
    pub price: Micros,
    /// What buyers may do with the files.
    pub license: License,
    /// The most purchases; `None` unless the license is [`License::Limited`].
    pub max_sales: Option<u32>,
    /// The files on sale, last, and before them those that were sold and are no longer on sale.
    pub contents: Vec<Contents>,
}

/// Files that are, or were, sold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The number by which purchases name them; never used for other files of the listing.
    pub number: u32,
    /// The number of sales of these files.
    pub sales: u32,
    /// The files, in the seller's order.
    pub files: Arc<[File]>,
}

/// Proceeds and fees of sales that were not paid out yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The seller's part, in micros.
    pub proceeds: Micros,
    /// The number of sales that the seller's part is from.
    pub sales: u32,
    /// The protocol's part, by where it goes.
    pub fees: Fees,
}

impl Due {
    /// Both parts together, in micros.
    #[must_use]
    pub const fn total(&self) -> Micros {
        self.proceeds.saturating_add(self.fees.total())
    }
}

/// What happened to a listing, as it decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It accepted an order, or a proposal to make it, to change it or to rate it.
    ExchangeAccepted {
        /// The user who sent it.
        from: EntityId,
        /// The exchange, as its opener sent it.
        exchange: Exchange,
    },
    /// A payout of what sales brought in was opened.
    TransferOpened(OpenTransfer),
    /// The payee of a payout accepted it.
    TransferSettled {
        /// The transfer that ended.
        id: ExchangeId,
    },
    /// The payee of a payout refused it, and the money came back.
    TransferReturned {
        /// The transfer that ended.
        id: ExchangeId,
        /// The money that came back, in micros.
        amount: Micros,
    },
    /// An order or a proposal was refused. That is remembered until its opener has heard it, so that a
    /// repeat is not accepted.
    ExchangeRefused {
        /// The exchange that was refused.
        id: ExchangeId,
        /// The entity that sent it.
        from: EntityId,
        /// The reason.
        why: NotTaken,
    },
    /// The opener of an exchange with it has ended it.
    ExchangeForgotten {
        /// The exchange that may be forgotten.
        id: ExchangeId,
    },
}

/// The refusals of a listing: none, since it takes no commands and refuses by message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {}

impl Listing {
    /// Whether the license allows no more sales.
    #[must_use]
    pub fn is_sold_out(&self) -> bool {
        let Some(offer) = &self.offer else { return false };
        is_sold_out(offer.license, offer.max_sales, self.sales)
    }

    /// The files that purchases name by this number; `None` if it keeps none.
    #[must_use]
    pub fn contents(&self, number: u32) -> Option<&Contents> {
        self.offer.as_ref()?.contents.iter().find(|contents| contents.number == number)
    }
}

impl Offer {
    /// The files on sale now.
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
            Message::Refused { exchange, .. } => payout::take_back(self, from, exchange),
            Message::Accepted { .. } | Message::Forget { .. } => {
                let (events, messages) = self.decide_deferred(&[(from, message)]);
                Decision::because(events).sending(messages)
            }
            // A listing funds no claims and makes none.
            Message::Fund { part, .. } => Decision::answering(unfunded(part, from)),
            Message::Unfunded { .. } => Decision::nothing(),
            // Answered before a machine decides.
            Message::Confirm { .. } | Message::Confirmed { .. } | Message::Closed { .. } => {
                Decision::nothing()
            }
        }
    }

    fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    fn open_offer(&self, id: ExchangeId) -> Option<Message> {
        self.outbox.get(id).map(|open| open.exchange.message())
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
            Event::ExchangeRefused { id, from, why } => self.inbox.refuse(*id, from.clone(), *why),
            Event::ExchangeForgotten { id } => self.inbox.forget(*id),
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
            Event::TransferSettled { .. }
            | Event::ExchangeRefused { .. }
            | Event::ExchangeForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn transfer_step(event: &Event) -> Option<TransferStep> {
        match event {
            Event::ExchangeAccepted { from, exchange } => match exchange {
                Exchange::Transfer(transfer) => Some(transfer.accepted(from)),
                Exchange::Proposal(_) => None,
            },
            Event::TransferOpened(open) => Some(open.exchange.opened()),
            Event::TransferSettled { id } => Some(TransferStep::Settled { id: *id }),
            Event::TransferReturned { id, .. } => Some(TransferStep::Returned { id: *id }),
            Event::ExchangeRefused { .. } | Event::ExchangeForgotten { .. } => None,
        }
    }

    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage> {
        let answers = self.inbox.iter().map(|received| order::answer(self, me, received));
        self.outbox.offers().chain(answers).collect()
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
