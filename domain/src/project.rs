//! A project: its keys, its settings and its reward budget.

use crate::answers::RequestTag;
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::{Bookkeeping, Inbox, OpenTransfer, Outbox, Sendable};
use crate::id::{ExchangeId, KeyId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Decision, Machine};
use crate::message::{Message, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::reconciliation::TransferStep;
use crate::time::Timestamp;
use crate::transfer::Transfer;

mod budget;
mod keys;
mod remember;
mod settings;

pub use keys::{ApiKey, IssueKey, KeyEnded, KeyRole, RevokeKey, RollKey, Scope, Scopes};
pub use remember::RememberAnswer;
pub use settings::{
    ChangeSettings, CreateProject, Plan, ProjectSettings, Settings, SettingsChange,
};

/// The most keys of one project, ended ones included.
pub const MAX_KEYS: usize = 200;

/// The state of a project in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// The time at which it was created; `None` if there is no such project.
    pub created_at: Option<Timestamp>,
    /// The settings, which operators change.
    pub settings: Settings,
    /// Its keys, oldest first, ended ones included.
    pub keys: Vec<ApiKey>,
    /// The money in the reward budget, in micros.
    pub available: Micros,
    /// The transfers to claimants that have not ended.
    pub outbox: Outbox,
    /// The exchanges that it has decided on and whose openers have not ended them.
    pub inbox: Inbox,
}

/// What happened to a project, as it decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The project was created.
    Created {
        /// The settings that the operator chose.
        settings: Settings,
        /// Its first keys, without their secrets.
        keys: Vec<ApiKey>,
    },
    /// An operator changed the settings.
    Changed {
        /// The settings after the change.
        settings: Settings,
        /// The operator who changed them.
        by: Box<str>,
        /// The operator's reason; `None` if they gave none.
        reason: Option<Box<str>>,
    },
    /// An operator issued a key.
    KeyIssued {
        /// The key, without its secret.
        key: ApiKey,
        /// The operator who issued it.
        by: Box<str>,
        /// The operator's reason; `None` if they gave none.
        reason: Option<Box<str>>,
    },
    /// A key was revoked or replaced, and ends at a time.
    KeyEnds {
        /// The key that ends.
        key: KeyId,
        /// The time from which the key is refused.
        at: Timestamp,
        /// The operator who ended it.
        by: Box<str>,
        /// The operator's reason; `None` if they gave none.
        reason: Option<Box<str>>,
    },
    /// A request over many users was answered. The answer is kept in a list on disk, not in memory:
    /// there may be many, and large ones.
    RequestAnswered {
        /// The tag of the request.
        tag: RequestTag,
        /// The body of the answer.
        body: Box<str>,
    },
    /// The treasury put money into the budget.
    TransferAccepted {
        /// The system that sent it.
        from: EntityId,
        /// The transfer, as its payer opened it.
        transfer: Transfer,
    },
    /// A transfer to a claimant was opened.
    TransferOpened(OpenTransfer),
    /// The claimant accepted a transfer.
    TransferSettled {
        /// The transfer that ended.
        id: ExchangeId,
    },
    /// The claimant refused a transfer, and the money came back.
    TransferReturned {
        /// The transfer that ended.
        id: ExchangeId,
        /// The money that came back, in micros.
        amount: Micros,
    },
    /// A transfer to the project was refused. That is remembered until its opener has heard it, so that a
    /// repeat is not accepted.
    TransferRefused {
        /// The exchange that was refused.
        id: ExchangeId,
        /// The entity that sent it.
        from: EntityId,
        /// The reason.
        why: NotTaken,
    },
    /// The treasury has ended a transfer that came in.
    TransferForgotten {
        /// The transfer that may be forgotten.
        id: ExchangeId,
    },
}

/// The reasons for refusing a command to a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The project does not exist.
    #[error("there is no such project")]
    NoSuchProject,
    /// The project exists already, or another of its keys has the same secret.
    #[error("there is such a project already")]
    Exists,
    /// The project has no key with this id.
    #[error("the project has no such key")]
    NoSuchKey,
    /// The key has ended already.
    #[error("the key has ended already")]
    KeyHasEnded,
    /// The project has [`MAX_KEYS`] keys, ended ones included.
    #[error("a project has at most {MAX_KEYS} keys")]
    TooManyKeys,
}

impl Project {
    /// Whether the project was created.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.created_at.is_some()
    }

    /// Finds one of its keys by id; ended ones count.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&ApiKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl Machine for Project {
    type Event = Event;
    type Refusal = Refusal;

    fn receive(&self, from: EntityId, message: Message, context: &Context<'_>) -> Decision<Self> {
        budget::receive(self, from, message, context)
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
        let forgotten = kept.forgotten.into_iter().map(|id| Event::TransferForgotten { id });
        (settled.chain(forgotten).collect(), kept.messages)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Created { settings, keys } => {
                self.created_at = Some(at);
                self.settings = settings.clone();
                self.keys.clone_from(keys);
            }
            Event::Changed { settings, .. } => self.settings = settings.clone(),
            Event::KeyIssued { key, .. } => self.keys.push(key.clone()),
            Event::KeyEnds { key, at, .. } => keys::apply_end(self, *key, *at),
            Event::RequestAnswered { .. } => {}
            Event::TransferAccepted { from, transfer } => {
                self.inbox.accept(transfer.id, from.clone());
                self.available.credit(transfer.amount);
            }
            Event::TransferOpened(open) => {
                self.available.debit(open.exchange.amount);
                self.outbox.open(open.clone());
            }
            Event::TransferSettled { id } => {
                self.outbox.close(*id);
            }
            Event::TransferReturned { id, amount } => {
                self.outbox.close(*id);
                self.available.credit(*amount);
            }
            Event::TransferRefused { id, from, why } => self.inbox.refuse(*id, from.clone(), *why),
            Event::TransferForgotten { id } => self.inbox.forget(*id),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::TransferAccepted { transfer, .. } => {
                (AccountClass::InFlight, AccountClass::Budget, transfer.amount)
            }
            Event::TransferOpened(open) => {
                (AccountClass::Budget, AccountClass::InFlight, open.exchange.amount)
            }
            Event::TransferReturned { amount, .. } => {
                (AccountClass::InFlight, AccountClass::Budget, *amount)
            }
            Event::Created { .. }
            | Event::Changed { .. }
            | Event::KeyIssued { .. }
            | Event::KeyEnds { .. }
            | Event::RequestAnswered { .. }
            | Event::TransferSettled { .. }
            | Event::TransferRefused { .. }
            | Event::TransferForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn transfer_step(event: &Event) -> Option<TransferStep> {
        match event {
            Event::TransferAccepted { from, transfer } => Some(transfer.accepted(from)),
            Event::TransferOpened(open) => Some(open.exchange.opened()),
            Event::TransferSettled { id } => Some(TransferStep::Settled { id: *id }),
            Event::TransferReturned { id, .. } => Some(TransferStep::Returned { id: *id }),
            Event::Created { .. }
            | Event::Changed { .. }
            | Event::KeyIssued { .. }
            | Event::KeyEnds { .. }
            | Event::RequestAnswered { .. }
            | Event::TransferRefused { .. }
            | Event::TransferForgotten { .. } => None,
        }
    }

    fn outstanding(&self, _me: &EntityId) -> Vec<OutgoingMessage> {
        self.outbox.offers().chain(self.inbox.answers()).collect()
    }

    fn heap_bytes(&self) -> usize {
        let keys = self.keys.capacity().saturating_mul(size_of::<ApiKey>());
        [keys, self.outbox.heap_bytes(), self.inbox.heap_bytes()]
            .iter()
            .fold(self.settings.name.len(), |sum, bytes| sum.saturating_add(*bytes))
    }
}
