//! A project: its keys, its consent policy, what it pays for events, and its reward budget.

use crate::answers::RequestTag;
use crate::entity::EntityId;
use crate::exchange::{Bookkeeping, Inbox, OpenTransfer, Outbox};
use crate::id::{ExchangeId, KeyId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Context, Decision, Machine, OutgoingMessage};
use crate::message::Message;
use crate::money::Micros;
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

/// Keys of one project at most, revoked ones included.
pub const MAX_KEYS: usize = 200;

/// The state of a project in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// When it was made; `None`: there is no such project.
    pub created_at: Option<Timestamp>,
    /// What an operator decides about it.
    pub settings: Settings,
    /// Its keys, oldest first.
    pub keys: Vec<ApiKey>,
    /// The reward budget that is left.
    pub available: Micros,
    /// What it has sent to claimants.
    pub outbox: Outbox,
    /// What it has taken in.
    pub inbox: Inbox,
}

/// What happened to a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was made.
    Created {
        /// As decided.
        settings: Settings,
        /// Its first keys.
        keys: Vec<ApiKey>,
    },
    /// Its settings were changed.
    Changed {
        /// As they are now.
        settings: Settings,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A key was issued.
    KeyIssued {
        /// As it is.
        key: ApiKey,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A key ends at a time.
    KeyEnds {
        /// Which.
        key: KeyId,
        /// When.
        at: Timestamp,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A request over many users was answered. Kept in a list, not in memory: there may be many,
    /// and large ones.
    RequestAnswered {
        /// Which.
        tag: RequestTag,
        /// The body of the answer.
        body: Box<str>,
    },
    /// Money came into the budget.
    TransferAccepted {
        /// Who sent it.
        from: EntityId,
        /// The transfer, as its payer opened it.
        transfer: Transfer,
    },
    /// Money went to a claimant.
    TransferOpened(OpenTransfer),
    /// It arrived.
    TransferSettled {
        /// Names the transfer.
        id: ExchangeId,
    },
    /// It did not.
    TransferReturned {
        /// Names the transfer.
        id: ExchangeId,
        /// What came back.
        amount: Micros,
    },
    /// The payer has settled what came in.
    TransferForgotten {
        /// Names the transfer.
        id: ExchangeId,
    },
}

/// Why a project says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not exist.
    #[error("there is no such project")]
    NoSuchProject,
    /// It exists.
    #[error("there is such a project already")]
    Exists,
    /// It has no such key.
    #[error("the project has no such key")]
    NoSuchKey,
    /// The key has ended.
    #[error("the key has ended already")]
    KeyHasEnded,
    /// No room for another.
    #[error("a project has at most {MAX_KEYS} keys")]
    TooManyKeys,
}

impl Project {
    /// Whether it exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.created_at.is_some()
    }

    /// One of its keys.
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
                self.inbox.take(transfer.id, from.clone(), false, at);
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
            Event::TransferForgotten { id } => self.inbox.forget(*id, at),
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
            | Event::TransferForgotten { .. } => return Vec::new(),
        };
        vec![Posting::within(me, debit, credit, amount)]
    }

    fn outstanding(&self, _me: &EntityId) -> Vec<OutgoingMessage> {
        self.outbox.offers().chain(self.inbox.acceptances()).collect()
    }

    fn heap_bytes(&self) -> usize {
        let keys = self.keys.capacity().saturating_mul(size_of::<ApiKey>());
        [keys, self.outbox.heap_bytes(), self.inbox.heap_bytes()]
            .iter()
            .fold(self.settings.name.len(), |sum, bytes| sum.saturating_add(*bytes))
    }
}
