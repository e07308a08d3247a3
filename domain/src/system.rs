//! The system of one environment: what was minted, the treasury, the pool; and what operators did that
//! concerns nobody else's stream.

use crate::entity::EntityId;
use crate::exchange::{Asked, Bookkeeping, Inbox, OpenTransfer, Outbox, Sendable};
use crate::id::ExchangeId;
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Answer, Context, Decision, Machine, OutgoingMessage};
use crate::market::Fees;
use crate::message::Message;
use crate::money::Micros;
use crate::time::Timestamp;
use crate::transfer::{Purpose, Transfer};

mod exchanges;
mod fund_budget;
mod mint;
mod record;

pub use fund_budget::{FundBudget, Funded};
pub use mint::{Mint, MintTo, Minted};
pub use record::{NameProject, NoteOperatorAction, ProjectNamed};

/// The state of the system in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// All that was ever minted.
    pub minted: Micros,
    /// All that was ever burned.
    pub burned: Micros,
    /// The protocol's own money.
    pub treasury: Micros,
    /// Pays rewards that no project pays.
    pub pool: Micros,
    /// What stakers are owed.
    pub stakers: Micros,
    /// What it has sent.
    pub outbox: Outbox,
    /// What it has taken in.
    pub inbox: Inbox,
}

/// What happened to the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Money was made.
    Minted {
        /// How much.
        amount: Micros,
        /// Into which account: treasury or pool.
        into: AccountClass,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Box<str>,
    },
    /// An operator did something.
    OperatorActed {
        /// Who.
        by: Box<str>,
        /// What, to whom.
        action: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// The treasury or the pool sent something.
    TransferOpened {
        /// The account it came from: treasury or pool.
        out_of: AccountClass,
        /// The transfer, and who waits for it.
        open: OpenTransfer,
    },
    /// It arrived.
    TransferSettled {
        /// Names the transfer.
        id: ExchangeId,
    },
    /// It did not.
    TransferReturned {
        /// Names the transfer.
        id: ExchangeId,
        /// Into which account it went back.
        into: AccountClass,
        /// How much.
        amount: Micros,
    },
    /// Fees came in.
    TransferAccepted {
        /// Who sent them.
        from: EntityId,
        /// How much, and how it is split.
        transfer: Transfer,
    },
    /// The payer has settled what came in.
    TransferForgotten {
        /// Names the transfer.
        id: ExchangeId,
    },
}

/// Why the system says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The treasury has less.
    #[error("the treasury has {available} PRIV, this takes {required} PRIV")]
    TreasuryTooSmall {
        /// What was asked for, in micros.
        required: Micros,
        /// What it has, in micros.
        available: Micros,
    },
    /// More than can ever be.
    #[error("no more can be minted than {} micros in all", u64::MAX)]
    TooMuch,
    /// Too many transfers are under way.
    #[error("too much is under way")]
    TooMuchUnderWay,
    /// The same request is being carried out.
    #[error("the first request is under way")]
    UnderWay,
    /// What was sent was not taken, and came back.
    #[error("it was not taken, and came back")]
    NotTaken,
}

impl System {
    fn account_mut(&mut self, class: AccountClass) -> Option<&mut Micros> {
        match class {
            AccountClass::Treasury => Some(&mut self.treasury),
            AccountClass::Pool => Some(&mut self.pool),
            AccountClass::Stakers => Some(&mut self.stakers),
            AccountClass::Burned => Some(&mut self.burned),
            AccountClass::Minted
            | AccountClass::Budget
            | AccountClass::User
            | AccountClass::Listing
            | AccountClass::Proceeds
            | AccountClass::InFlight => None,
        }
    }

    /// The account of a class that the system holds.
    fn held(&mut self, class: AccountClass) -> &mut Micros {
        self.account_mut(class).expect("the system moves money of its own accounts only")
    }

    /// Opens a transfer on behalf of the request that is decided, which hears of its end.
    fn send<R>(
        &self,
        mut events: Vec<Event>,
        transfer: Transfer,
        context: &Context<'_>,
    ) -> Result<Decision<Self, R>, Refusal> {
        if self.outbox.is_full() {
            return Err(Refusal::TooMuchUnderWay);
        }
        let asked = Asked::by(context);
        let messages = vec![transfer.offer()];
        let open = OpenTransfer { exchange: transfer, asked: Some(asked) };
        events.push(Event::TransferOpened { out_of: AccountClass::Treasury, open });
        Ok(Decision::of(events, Answer::Later(asked.reply_token)).sending(messages))
    }
}

impl Machine for System {
    type Event = Event;
    type Refusal = Refusal;

    fn receive(&self, from: EntityId, message: Message, context: &Context<'_>) -> Decision<Self> {
        exchanges::receive(self, from, message, context)
    }

    fn can_defer(&self, message: &Message) -> bool {
        match message {
            // Where someone waits for the end, it can't wait.
            Message::Accepted { exchange, .. } => {
                self.outbox.get(*exchange).is_none_or(|open| open.asked.is_none())
            }
            Message::Forget { .. } => true,
            Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Offer(_)
            | Message::Propose(_)
            | Message::Refused { .. } => false,
        }
    }

    fn decide_deferred(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        let kept = Bookkeeping::of(&self.outbox, &self.inbox, messages);
        let settled = kept.settled.into_iter().map(|id| Event::TransferSettled { id });
        let forgotten = kept.forgotten.into_iter().map(|id| Event::TransferForgotten { id });
        (settled.chain(forgotten).collect(), kept.messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Minted { amount, into, .. } => {
                self.minted.credit(*amount);
                self.held(*into).credit(*amount);
            }
            Event::OperatorActed { .. } => {}
            Event::TransferOpened { out_of, open } => {
                self.held(*out_of).debit(open.exchange.amount);
                self.outbox.open(open.clone());
            }
            Event::TransferSettled { id } => {
                self.outbox.close(*id);
            }
            Event::TransferReturned { id, into, amount } => {
                self.outbox.close(*id);
                self.held(*into).credit(*amount);
            }
            Event::TransferAccepted { from, transfer } => {
                self.inbox.take(transfer.id, from.clone(), false, at);
                for (class, amount) in shares(&transfer.purpose) {
                    self.held(class).credit(amount);
                }
            }
            Event::TransferForgotten { id } => self.inbox.forget(*id, at),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::Minted { amount, into, .. } => (AccountClass::Minted, *into, *amount),
            Event::TransferOpened { out_of, open } => {
                (*out_of, AccountClass::InFlight, open.exchange.amount)
            }
            Event::TransferReturned { into, amount, .. } => {
                (AccountClass::InFlight, *into, *amount)
            }
            Event::TransferAccepted { transfer, .. } => {
                let within =
                    |(class, amount)| Posting::within(me, AccountClass::InFlight, class, amount);
                return shares(&transfer.purpose).into_iter().map(within).collect();
            }
            Event::OperatorActed { .. }
            | Event::TransferSettled { .. }
            | Event::TransferForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn outstanding(&self, _me: &EntityId) -> Vec<OutgoingMessage> {
        self.outbox.offers().chain(self.inbox.acceptances()).collect()
    }

    fn heap_bytes(&self) -> usize {
        self.outbox.heap_bytes().saturating_add(self.inbox.heap_bytes())
    }
}

/// Into which accounts fees go.
fn shares(purpose: &Purpose) -> Vec<(AccountClass, Micros)> {
    match purpose {
        Purpose::Fees(Fees { burned, stakers, treasury }) => vec![
            (AccountClass::Burned, *burned),
            (AccountClass::Stakers, *stakers),
            (AccountClass::Treasury, *treasury),
        ],
        Purpose::ToUser(_) | Purpose::Budget | Purpose::Order(_) => Vec::new(),
    }
}
