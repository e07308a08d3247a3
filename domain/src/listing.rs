//! A listing: what a seller offers, on which terms, and what it has sold.
//!
//! Its terms come from the seller, and only from them; its sales from buyers. Both come by
//! transfer. What it takes in it passes on: the seller's part to the seller, the fees to the
//! protocol; gathered for a moment, so that a thousand sales do not make a thousand transfers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::entity::EntityId;
use crate::id::{PurchaseId, TransferId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Answer, Context, Decision, Machine, OutgoingMessage};
use crate::market::{Fees, File, License, ListingStatus};
use crate::message::{Message, Transfer};
use crate::money::Micros;
use crate::outbox::{Inbox, OpenTransfer, Outbox};
use crate::time::Timestamp;

mod order;
mod payout;
mod summary;

pub use payout::PAYOUT_EVERY_MILLIS;
pub use summary::{ListingSummary, SAMPLES};

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
    pub ratings: BTreeMap<PurchaseId, (u8, TransferId)>,
    /// Received in and not yet passed on.
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

/// What a listing can be asked: only by message.
#[derive(Clone, Debug)]
pub struct Command {
    /// Who wrote.
    pub from: EntityId,
    /// What.
    pub message: Message,
}

/// What happened to a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something came in: the offer itself, a change to it, a purchase or a rating, as the
    /// transfer's purpose says.
    TransferAccepted {
        /// Who sent it.
        from: EntityId,
        /// What.
        transfer: Transfer,
    },
    /// Something was passed on.
    TransferOpened(OpenTransfer),
    /// It arrived.
    TransferSettled {
        /// Which.
        transfer: TransferId,
    },
    /// It did not.
    TransferReturned {
        /// Which.
        transfer: TransferId,
        /// What came back.
        amount: Micros,
    },
    /// The payer has settled what came in.
    TransferForgotten {
        /// Which.
        transfer: TransferId,
    },
}

/// What a listing answers: nothing, it is only written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To a message; nobody reads it.
    Noted,
}

/// Why a listing says no: never, it refuses by message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(
        &self,
        Command { from, message }: Command,
        context: &Context<'_>,
    ) -> Result<Decision<Self>, Refusal> {
        Ok(match message {
            Message::Offer(transfer) => order::decide(self, from, transfer, context),
            Message::Refused { transfer, .. } => payout::take_back(self, transfer),
            Message::Accepted { .. } | Message::Forget { .. } => {
                let (events, messages) = payout::settle(self, &[(from, message)]);
                Decision::of(events, Answer::Nothing).sending(messages)
            }
            // A listing funds no claims and makes none.
            Message::Fund { part, .. } => Decision::nothing()
                .sending(vec![OutgoingMessage { to: from, message: Message::Unfunded { part } }]),
            Message::Unfunded { .. } => Decision::nothing(),
        })
    }

    fn receive(from: EntityId, message: Message) -> Command {
        Command { from, message }
    }

    fn can_wait(&self, message: &Message) -> bool {
        matches!(message, Message::Accepted { .. } | Message::Forget { .. })
    }

    fn decide_waiting(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        payout::settle(self, messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::TransferAccepted { from, transfer } => order::apply(self, from, transfer, at),
            Event::TransferOpened(open) => payout::apply_opened(self, open, at),
            Event::TransferSettled { transfer } => {
                self.outbox.close(*transfer);
            }
            Event::TransferReturned { transfer, .. } => payout::apply_returned(self, *transfer),
            Event::TransferForgotten { transfer } => self.inbox.forget(*transfer, at),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::TransferAccepted { transfer, .. } => {
                (AccountClass::InFlight, AccountClass::Listing, transfer.amount)
            }
            Event::TransferOpened(open) => {
                (AccountClass::Listing, AccountClass::InFlight, open.transfer.amount)
            }
            Event::TransferReturned { amount, .. } => {
                (AccountClass::InFlight, AccountClass::Listing, *amount)
            }
            Event::TransferSettled { .. } | Event::TransferForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage> {
        let acceptances = self.inbox.unsettled().map(|taken| OutgoingMessage {
            to: taken.from.clone(),
            message: Message::Accepted {
                transfer: taken.id,
                summary: order::summary_for(self, me, taken),
            },
        });
        self.outbox.offers().chain(acceptances).collect()
    }

    fn wakes_at(&self) -> Option<Timestamp> {
        payout::wakes_at(self)
    }

    fn decide_awake(&self, context: &Context<'_>) -> Decision<Self> {
        let status = self.offer.as_ref().map(|offer| offer.status).unwrap_or_default();
        let (events, messages) = payout::begin(self, self.due, status, context);
        Decision::of(events, Answer::Nothing).sending(messages)
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
            size_of::<(PurchaseId, (u8, TransferId))>().saturating_mul(self.ratings.len());
        [offer, ratings, self.outbox.heap_bytes(), self.inbox.heap_bytes()]
            .iter()
            .fold(0, |sum: usize, bytes| sum.saturating_add(*bytes))
    }
}
