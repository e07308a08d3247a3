//! A project: its keys, its consent policy, what it pays for events, and its reward budget.

use crate::answers::RequestTag;
use crate::entity::EntityId;
use crate::id::{KeyId, TransferId};
use crate::ledger::{AccountClass, Posting};
use crate::machine::{Answer, Context, Decision, Machine, OutgoingMessage};
use crate::message::{Message, Transfer};
use crate::money::Micros;
use crate::outbox::{Inbox, OpenTransfer, Outbox};
use crate::time::Timestamp;

mod budget;
mod keys;
mod settings;

pub use keys::{ApiKey, KeyRole, Scope, Scopes};
pub use settings::{Plan, Settings, SettingsChange};

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

/// What a project can be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin to exist.
    Create {
        /// As decided.
        settings: Settings,
        /// Its first keys.
        keys: Vec<ApiKey>,
    },
    /// Change some settings.
    Change {
        /// Which.
        change: SettingsChange,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Issue a key.
    IssueKey {
        /// As it is.
        key: ApiKey,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Issue a key in another's place, which works on for a while.
    RollKey {
        /// The one that goes.
        old: KeyId,
        /// The one that comes: its role and scopes are the old one's.
        new: ApiKey,
        /// Until when the old one works.
        old_until: Timestamp,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// End a key, now.
    RevokeKey {
        /// Which.
        key: KeyId,
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Remember what a request over many users was answered.
    Remember {
        /// Which request.
        tag: RequestTag,
        /// The body of the answer.
        body: Box<str>,
    },
    /// From another entity.
    Message {
        /// Who wrote.
        from: EntityId,
        /// What.
        message: Message,
    },
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
        /// Which transfer, and how much.
        transfer: Transfer,
    },
    /// Money went to a claimant.
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

/// What a project answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`Command::Create`] and [`Command::Change`]: its settings now.
    Settings {
        /// When it was made.
        created_at: Timestamp,
        /// As they are.
        settings: Settings,
        /// The keys that were made with it.
        keys: Vec<ApiKey>,
    },
    /// To [`Command::IssueKey`] and [`Command::RollKey`].
    Key(ApiKey),
    /// To [`Command::RevokeKey`]: it ended then.
    KeyEnded {
        /// Which.
        key: KeyId,
        /// When.
        at: Timestamp,
    },
    /// To a message; nobody reads it.
    Noted,
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
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, command: Command, context: &Context<'_>) -> Result<Decision<Self>, Refusal> {
        match command {
            Command::Create { settings, keys } => settings::create(self, settings, keys, context),
            Command::Change { change, by, reason } => settings::change(self, change, by, reason),
            Command::IssueKey { key, by, reason } => keys::issue(self, key, by, reason),
            Command::RollKey { old, new, old_until, by, reason } => {
                keys::roll(self, (old, new, old_until), by, reason, context)
            }
            Command::RevokeKey { key, by, reason } => keys::revoke(self, key, by, reason, context),
            Command::Remember { tag, body } => {
                let events = vec![Event::RequestAnswered { tag, body }];
                Ok(Decision::of(events, Answer::Now(Reply::Noted)))
            }
            Command::Message { from, message } => Ok(budget::decide(self, from, message, context)),
        }
    }

    fn receive(from: EntityId, message: Message) -> Command {
        Command::Message { from, message }
    }

    fn can_wait(&self, message: &Message) -> bool {
        matches!(message, Message::Accepted { .. } | Message::Forget { .. })
    }

    fn decide_waiting(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Event>, Vec<OutgoingMessage>) {
        budget::decide_waiting(self, messages)
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
                self.available = self.available.saturating_add(transfer.amount);
            }
            Event::TransferOpened(open) => {
                self.available = self.available.saturating_sub(open.transfer.amount);
                self.outbox.open(open.clone());
            }
            Event::TransferSettled { transfer } => {
                self.outbox.close(*transfer);
            }
            Event::TransferReturned { transfer, amount } => {
                self.outbox.close(*transfer);
                self.available = self.available.saturating_add(*amount);
            }
            Event::TransferForgotten { transfer } => self.inbox.forget(*transfer, at),
        }
    }

    fn postings(me: &EntityId, event: &Event) -> Vec<Posting> {
        let (debit, credit, amount) = match event {
            Event::TransferAccepted { transfer, .. } => {
                (AccountClass::InFlight, AccountClass::Budget, transfer.amount)
            }
            Event::TransferOpened(open) => {
                (AccountClass::Budget, AccountClass::InFlight, open.transfer.amount)
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
