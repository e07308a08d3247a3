//! What every entity is: a state machine with a memory for what it has answered.
//!
//! [`Machine`] is the rules of one kind of entity. [`Entity`] is one of them with what all kinds
//! share: its version, and the answers it remembers by idempotency key. [`Entry`] is what one
//! command adds to the entity's stream; it is appended and applied as a whole or not at all.

use std::sync::Arc;

use std::fmt;

use crate::answers::{Answers, Recall, RequestTag};
use crate::entity::EntityId;
use crate::event::RawEvent;
use crate::journal_point::{Position, Version};
use crate::ledger::Posting;
use crate::message::Message;
use crate::time::Timestamp;

/// The rules of one kind of entity.
pub trait Machine: Clone + fmt::Debug + Default + Eq + Send + 'static {
    /// What it can be asked to do.
    type Command: Clone + fmt::Debug + Send;
    /// What can happen to it.
    type Event: Clone + fmt::Debug + Eq + Send;
    /// What it answers, remembered under the idempotency key of the request.
    type Reply: Clone + fmt::Debug + Eq + Send;
    /// Why it says no. A refusal has no effect.
    type Refusal: fmt::Debug + Send;

    /// What follows from a command in this state. Reads the state only.
    ///
    /// # Errors
    /// The machine's refusals, each saying what is so.
    fn decide(
        &self,
        command: Self::Command,
        context: &Context<'_>,
    ) -> Result<Decision<Self>, Self::Refusal>;

    /// The command that a message from another entity stands for.
    fn receive(from: EntityId, message: Message) -> Self::Command;

    /// Whether a message can wait for the next entry, so that a busy entity writes one where it
    /// would write two. Only bookkeeping can: what nobody waits for, and what commutes with every
    /// other decision.
    fn can_wait(&self, message: &Message) -> bool;

    /// What follows from messages that waited.
    fn decide_waiting(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Self::Event>, Vec<OutgoingMessage>);

    /// Folds an event into the state. Cannot fail: what `decide` allowed fits.
    fn apply(&mut self, event: &Self::Event, at: Timestamp);

    /// How an event moves money.
    fn postings(me: &EntityId, event: &Self::Event) -> Vec<Posting>;

    /// Letters whose answer is still due: sent again when the entity is activated.
    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage>;

    /// When it has something to do that nobody asks for; `None` most of the time. Until then it
    /// stays in memory.
    fn wakes_at(&self) -> Option<Timestamp> {
        None
    }

    /// What it does once that time has come. Reads the state only.
    fn decide_awake(&self, _context: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    /// Memory that the state holds on the heap, in bytes, about.
    fn heap_bytes(&self) -> usize;
}

/// What a decision may know besides state and command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The entity that decides.
    pub me: &'a EntityId,
    /// The moment.
    pub now: Timestamp,
    /// A new ULID, for ids that the decision makes. Ids made one after the other from it by
    /// adding 1, 2, 3 … are new as well.
    pub fresh: u128,
    /// The idempotency key of the request, if it has one.
    pub request: Option<RequestTag>,
}

/// What follows from a command.
#[derive(Debug)]
pub struct Decision<M: Machine> {
    /// Events, in order; empty where nothing changes.
    pub events: Vec<M::Event>,
    /// Letters to other entities, to be sent once the events are applied.
    pub messages: Vec<OutgoingMessage>,
    /// What the asker gets.
    pub answer: Answer<M::Reply>,
    /// An earlier asker, who was told to wait, gets this now.
    pub completed: Option<Completed<M::Reply>>,
    /// What the events say about a person beyond what replay needs.
    pub raw_events: Vec<Arc<RawEvent>>,
}

impl<M: Machine> Decision<M> {
    /// Nothing changes; the asker gets `reply`.
    pub fn reply(reply: M::Reply) -> Self {
        Self::of(Vec::new(), Answer::Now(reply))
    }

    /// Nothing changes and nobody waits.
    #[must_use]
    pub fn nothing() -> Self {
        Self::of(Vec::new(), Answer::Nothing)
    }

    /// These events, and an answer.
    pub fn of(events: Vec<M::Event>, answer: Answer<M::Reply>) -> Self {
        Self { events, messages: Vec::new(), answer, completed: None, raw_events: Vec::new() }
    }

    /// With messages to send.
    #[must_use]
    pub fn sending(mut self, messages: Vec<OutgoingMessage>) -> Self {
        self.messages = messages;
        self
    }
}

/// When and what the asker is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<R> {
    /// With this, once it is durable.
    Now(R),
    /// When the decision with this reply_token in `completed` is made.
    Later(ReplyToken),
    /// Nobody waits: the command was a message.
    Nothing,
}

/// Names an asker who waits for something that takes several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken(pub u128);

/// The end of something that took several steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed<R> {
    /// Who waits for it.
    pub reply_token: ReplyToken,
    /// Under which idempotency key it is remembered.
    pub request: Option<RequestTag>,
    /// The answer.
    pub reply: R,
}

/// A message with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// Who gets it.
    pub to: EntityId,
    /// What it says.
    pub message: Message,
}

/// What one command adds to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<E, R> {
    /// What happened, in order.
    pub events: Vec<E>,
    /// The answer to remember, and under which key.
    pub answered: Option<(RequestTag, R)>,
    /// What is about a person: kept apart, so that it can be erased without touching the rest.
    pub raw_events: Vec<Arc<RawEvent>>,
}

/// The entry of a machine.
pub type EntryOf<M> = Entry<<M as Machine>::Event, <M as Machine>::Reply>;

/// One entity: its machine, its version, and what it has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity<M: Machine> {
    /// The state proper.
    pub machine: M,
    /// Answers by idempotency key.
    pub answers: Answers<M::Reply>,
    /// Of the last entry; [`Version::ZERO`] before the first.
    pub version: Version,
    /// Where the last entry stands in the journal.
    pub position: Position,
}

impl<M: Machine> Default for Entity<M> {
    /// Before the first entry.
    fn default() -> Self {
        Self {
            machine: M::default(),
            answers: Answers::default(),
            version: Version::ZERO,
            position: Position::ZERO,
        }
    }
}

/// What handling a command came to.
#[derive(Debug)]
pub enum Handled<M: Machine> {
    /// The first answer to this idempotency key.
    Replayed(M::Reply),
    /// The idempotency key was used for another body.
    Mismatch,
    /// Too many answers are remembered to take a new idempotency key.
    TooManyAnswers,
    /// The machine said no.
    Refused(M::Refusal),
    /// The machine decided; `entry` is `None` where nothing changes.
    Decided {
        /// To append and apply.
        entry: Option<EntryOf<M>>,
        /// To send once it is applied.
        messages: Vec<OutgoingMessage>,
        /// For the asker.
        answer: Answer<M::Reply>,
        /// For an earlier asker.
        completed: Option<(ReplyToken, M::Reply)>,
    },
}

impl<M: Machine> Entity<M> {
    /// Looks the idempotency key up, and lets the machine decide if it is new.
    pub fn handle(&self, command: M::Command, context: &Context<'_>) -> Handled<M> {
        if let Some(tag) = context.request {
            match self.answers.recall(tag, context.now) {
                Recall::Same(reply) => return Handled::Replayed(reply.clone()),
                Recall::OtherBody => return Handled::Mismatch,
                Recall::Full => return Handled::TooManyAnswers,
                Recall::New => {}
            }
        }
        let decision = match self.machine.decide(command, context) {
            Ok(decision) => decision,
            Err(refusal) => return Handled::Refused(refusal),
        };
        let Decision { events, messages, answer, completed, raw_events } = decision;
        let answered = match (&answer, &completed, context.request) {
            (_, Some(Completed { request: Some(tag), reply, .. }), _) => {
                Some((*tag, reply.clone()))
            }
            (Answer::Now(reply), None, Some(tag)) => Some((tag, reply.clone())),
            _ => None,
        };
        let entry = (!events.is_empty() || answered.is_some()).then_some(Entry {
            events,
            answered,
            raw_events,
        });
        let completed = completed.map(|Completed { reply_token, reply, .. }| (reply_token, reply));
        Handled::Decided { entry, messages, answer, completed }
    }

    /// Folds an entry in, as the next version, at its place in the journal.
    pub fn apply(&mut self, entry: &EntryOf<M>, at: Timestamp, position: Position) {
        for event in &entry.events {
            self.machine.apply(event, at);
        }
        if let Some((tag, reply)) = &entry.answered {
            self.answers.remember(*tag, reply.clone(), at);
        }
        self.version = self.version.next();
        self.position = position;
    }
}
