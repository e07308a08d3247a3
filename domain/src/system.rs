//! The system of one environment: minted and burned money, the treasury, the pool, the stakers'
//! share, and a record of operators' actions that belong to no other stream.

use crate::context::Asked;
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::{Bookkeeping, Inbox, OpenTransfer, Outbox, Sendable};
use crate::id::ExchangeId;
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Answer, Decision, Machine};
use crate::market::Fees;
use crate::message::{Message, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::reconciliation::TransferStep;
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
    /// All that was ever minted, in micros.
    pub minted: Micros,
    /// All that was ever burned, in micros.
    pub burned: Micros,
    /// The protocol's own money, from which budgets are filled, in micros.
    pub treasury: Micros,
    /// The money for rewards that no project pays, in micros.
    pub pool: Micros,
    /// The stakers' share of fees, owed to them, in micros.
    pub stakers: Micros,
    /// The grants, budgets and claims that it has sent and that have not ended.
    pub outbox: Outbox,
    /// The exchanges that it has decided on and whose openers have not ended them.
    pub inbox: Inbox,
}

/// What happened to the system, as it decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An operator minted money, for the treasury or the pool.
    Minted {
        /// The amount that was minted, in micros.
        amount: Micros,
        /// The account that it went into: treasury or pool.
        into: AccountClass,
        /// The operator who minted it.
        by: Box<str>,
        /// The operator's reason.
        reason: Box<str>,
    },
    /// Money that was minted for a user came back from them, and was never minted: whoever tries
    /// again mints once.
    MintReversed {
        /// The amount, in micros; it leaves the treasury.
        amount: Micros,
    },
    /// An operator's action was recorded.
    OperatorActed {
        /// The operator who acted.
        by: Box<str>,
        /// What they did, and to whom, for people to read.
        action: Box<str>,
        /// The operator's reason; `None` if they gave none.
        reason: Option<Box<str>>,
    },
    /// The treasury or the pool opened a transfer.
    TransferOpened {
        /// The account it came from: treasury or pool.
        out_of: AccountClass,
        /// The transfer, and the request that waits for its end.
        open: OpenTransfer,
    },
    /// The payee of a transfer accepted it.
    TransferSettled {
        /// The transfer that ended.
        id: ExchangeId,
    },
    /// The payee of a transfer refused it, and the money came back.
    TransferReturned {
        /// The transfer that ended.
        id: ExchangeId,
        /// The account that the money went back into: treasury or pool.
        into: AccountClass,
        /// The money that came back, in micros.
        amount: Micros,
    },
    /// A listing paid the protocol's share of its sales.
    TransferAccepted {
        /// The listing that sent it.
        from: EntityId,
        /// The transfer, whose purpose says how the fees are split.
        transfer: Transfer,
    },
    /// A transfer to the system was refused. That is remembered until its opener has heard it, so that a
    /// repeat is not accepted.
    TransferRefused {
        /// The exchange that was refused.
        id: ExchangeId,
        /// The entity that sent it.
        from: EntityId,
        /// The reason.
        why: NotTaken,
    },
    /// A listing has ended a transfer of fees that came in.
    TransferForgotten {
        /// The transfer that may be forgotten.
        id: ExchangeId,
    },
}

/// The reasons for refusing a command to the system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The treasury has less than is asked for.
    #[error("the treasury has {available} PRIV, this takes {required} PRIV")]
    TreasuryTooSmall {
        /// The amount that was asked for, in micros.
        required: Micros,
        /// The amount that the treasury has, in micros.
        available: Micros,
    },
    /// More than `u64::MAX` micros would be minted in all.
    #[error("no more can be minted than {} micros in all", u64::MAX)]
    TooMuch,
    /// [`crate::exchange::MAX_OPEN`] transfers are open.
    #[error("too much is under way")]
    TooMuchUnderWay,
    /// A request with the same idempotency key is under way.
    #[error("the first request is under way")]
    UnderWay,
    /// The payee refused what was sent, and the money came back.
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

    /// The account of a class, which must be one of the system's.
    fn held(&mut self, class: AccountClass) -> &mut Micros {
        self.account_mut(class).expect("the system moves money of its own accounts only")
    }

    /// Opens a transfer from the treasury for the request that is decided, which is answered at its
    /// end.
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

    fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    fn open_offer(&self, id: ExchangeId) -> Option<Message> {
        self.outbox.get(id).map(|open| open.exchange.message())
    }

    fn can_defer(&self, message: &Message) -> bool {
        match message {
            // Not where a request waits for the end.
            Message::Accepted { exchange, .. } => {
                self.outbox.get(*exchange).is_none_or(|open| open.asked.is_none())
            }
            Message::Forget { .. } => true,
            Message::Fund { .. }
            | Message::Unfunded { .. }
            | Message::Offer(_)
            | Message::Propose(_)
            | Message::Refused { .. }
            | Message::Confirm { .. }
            | Message::Confirmed { .. }
            | Message::Closed { .. } => false,
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

    fn apply(&mut self, event: &Event, _at: Timestamp) {
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
                self.inbox.accept(transfer.id, from.clone());
                for (class, amount) in shares(&transfer.purpose) {
                    self.held(class).credit(amount);
                }
            }
            Event::MintReversed { amount } => {
                self.treasury.debit(*amount);
                self.minted.debit(*amount);
            }
            Event::TransferRefused { id, from, why } => self.inbox.refuse(*id, from.clone(), *why),
            Event::TransferForgotten { id } => self.inbox.forget(*id),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::Minted { amount, into, .. } => (AccountClass::Minted, *into, *amount),
            Event::MintReversed { amount } => {
                (AccountClass::Treasury, AccountClass::Minted, *amount)
            }
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
            | Event::TransferRefused { .. }
            | Event::TransferForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn transfer_step(event: &Event) -> Option<TransferStep> {
        match event {
            Event::TransferAccepted { from, transfer } => Some(transfer.accepted(from)),
            Event::TransferOpened { open, .. } => Some(open.exchange.opened()),
            Event::TransferSettled { id } => Some(TransferStep::Settled { id: *id }),
            Event::TransferReturned { id, .. } => Some(TransferStep::Returned { id: *id }),
            Event::Minted { .. }
            | Event::MintReversed { .. }
            | Event::OperatorActed { .. }
            | Event::TransferRefused { .. }
            | Event::TransferForgotten { .. } => None,
        }
    }

    fn outstanding(&self, _me: &EntityId) -> Vec<OutgoingMessage> {
        self.outbox.offers().chain(self.inbox.answers()).collect()
    }

    fn heap_bytes(&self) -> usize {
        self.outbox.heap_bytes().saturating_add(self.inbox.heap_bytes())
    }
}

/// Splits fees by account; a transfer for any other purpose has no shares.
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
