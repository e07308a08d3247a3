//! The shell around a machine: it decides, appends, applies, answers, in this order.
//!
//! A plain struct; the actor around it only moves messages. An answer leaves it when all that it
//! depends on is durable; messages to other actors go at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use priv_domain::machine::{
    Answer, Context, Entity, Entry, EntryOf, Handled, Machine, OutgoingMessage, ReplyToken,
};
use priv_domain::message::Message;
use priv_domain::{EntityId, Position, RequestTag, Timestamp};
use priv_journal::{AppendError, Draft, Journal};
use priv_store::codec::{self, FORMAT, Stored};

use crate::ask::{Ask, AskError, Origin, Responder, Response, send_when_durable};

/// Letters that may wait at once.
pub const MAX_WAITING: usize = 256;

/// Listeners that one entity has at most; then the oldest ends.
pub const MAX_LISTENERS: usize = 16;

/// A listener to an entity.
pub trait Listener<M: Machine>: Send {
    /// Called after each entry; the listener goes when it says [`Listening::Ended`].
    fn changed(&mut self, entity: &Entity<M>) -> Listening;

    /// Whether anybody is still there.
    fn is_open(&self) -> bool;
}

/// Whether a listener stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    /// It does.
    On,
    /// It doesn't.
    Ended,
}

/// A machine that can be kept.
pub trait Persistent: Machine<Event: Stored, Reply: Stored> + Stored {}

impl<M: Machine<Event: Stored, Reply: Stored> + Stored> Persistent for M {}

/// An entity in use.
pub struct Shell<M: Persistent> {
    id: EntityId,
    entity: Entity<M>,
    /// There only while somebody is: most of a million entities are alone.
    waiters: Option<Box<Waiters<M>>>,
}

/// Who waits at an entity.
struct Waiters<M: Persistent> {
    /// Letters that wait for the next entry.
    waiting: Vec<(EntityId, Message)>,
    askers: Vec<(ReplyToken, Responder<M>)>,
    listeners: Vec<Box<dyn Listener<M>>>,
}

impl<M: Persistent> Default for Waiters<M> {
    fn default() -> Self {
        Self { waiting: Vec::new(), askers: Vec::new(), listeners: Vec::new() }
    }
}

impl<M: Persistent> Waiters<M> {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.askers.is_empty() && self.listeners.is_empty()
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.waiting.capacity() * size_of::<(EntityId, Message)>()
            + self.askers.capacity() * size_of::<(ReplyToken, Responder<M>)>()
            + self.listeners.capacity() * size_of::<Box<dyn Listener<M>>>()
    }
}

/// What the shell needs to know of the moment.
#[derive(Clone, Copy)]
pub struct ShellContext<'a> {
    /// The time.
    pub now: Timestamp,
    /// A new id.
    pub fresh: u128,
    /// Where entries go.
    pub journal: &'a dyn Journal,
    /// Whether the journal had no room the last time.
    pub refuses: &'a AtomicBool,
}

impl<M: Persistent> Shell<M> {
    /// An entity as it was left.
    #[must_use]
    pub fn new(id: EntityId, entity: Entity<M>) -> Self {
        Self { id, entity, waiters: None }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    /// Its state.
    #[must_use]
    pub fn entity(&self) -> &Entity<M> {
        &self.entity
    }

    /// Whether somebody listens or waits.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let waiters = self.waiters.as_ref();
        waiters.is_some_and(|here| !here.listeners.is_empty() || !here.askers.is_empty())
    }

    /// Letters that wait for the next entry.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiters.as_ref().map_or(0, |waiters| waiters.waiting.len())
    }

    /// Adds a listener.
    pub fn listen(&mut self, listener: Box<dyn Listener<M>>) {
        self.drop_closed_listeners();
        let listeners = &mut self.waiters_mut().listeners;
        if listeners.len() >= MAX_LISTENERS {
            listeners.remove(0);
        }
        listeners.push(listener);
    }

    /// Lets those go whose other end has gone.
    pub fn drop_closed_listeners(&mut self) {
        if let Some(waiters) = &mut self.waiters {
            waiters.listeners.retain(|listener| listener.is_open());
        }
        self.part_if_alone();
    }

    fn waiters_mut(&mut self) -> &mut Waiters<M> {
        self.waiters.get_or_insert_default()
    }

    fn part_if_alone(&mut self) {
        if self.waiters.as_ref().is_some_and(|waiters| waiters.is_empty()) {
            self.waiters = None;
        }
    }

    /// Memory that it takes on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let waiters = self.waiters.as_ref().map_or(0, |waiters| waiters.heap_bytes());
        self.entity.machine.heap_bytes()
            + self.entity.answers.heap_bytes()
            + self.id.key.len()
            + waiters
    }

    /// Decides a command and answers, now or when it is completed. Returns the messages to send.
    pub(crate) fn ask(&mut self, ask: Ask<M>, moment: ShellContext<'_>) -> Vec<OutgoingMessage> {
        let Ask { command, request, responder } = ask;
        match self.decide(command, request, moment) {
            Ok(Decided { answer: Answer::Later(reply_token), messages }) => {
                self.waiters_mut().askers.push((reply_token, responder));
                messages
            }
            Ok(Decided { answer: Answer::Now(reply), messages }) => {
                self.respond(responder, Ok((reply, Origin::Fresh)), moment);
                messages
            }
            Ok(Decided { answer: Answer::Nothing, messages }) => messages,
            Err(Undecided::Replayed(reply)) => {
                self.respond(responder, Ok((reply, Origin::Replayed)), moment);
                Vec::new()
            }
            Err(Undecided::Error(error)) => {
                self.respond(responder, Err(error), moment);
                Vec::new()
            }
        }
    }

    /// Reads a message, now or with the next entry. Returns the messages to send.
    ///
    /// # Errors
    /// The journal has no room: the message must be brought again.
    pub fn read(
        &mut self,
        from: EntityId,
        message: Message,
        moment: ShellContext<'_>,
    ) -> Result<Vec<OutgoingMessage>, Box<(EntityId, Message)>> {
        if self.entity.machine.can_wait(&message) {
            self.waiters_mut().waiting.push((from, message));
            return match self.waiting() >= MAX_WAITING {
                true => Ok(self.flush(moment)),
                false => Ok(Vec::new()),
            };
        }
        match self.decide(M::receive(from.clone(), message.clone()), None, moment) {
            Ok(decided) => Ok(decided.messages),
            Err(Undecided::Error(AskError::Overloaded)) => Err(Box::new((from, message))),
            // A message is not refused, and has no idempotency key. A fault was logged.
            Err(Undecided::Error(_) | Undecided::Replayed(_)) => Ok(Vec::new()),
        }
    }

    /// Writes what messages that waited come to. Where the journal has no room they wait on.
    pub fn flush(&mut self, moment: ShellContext<'_>) -> Vec<OutgoingMessage> {
        let Some(waiters) = self.waiters.as_ref().filter(|here| !here.waiting.is_empty()) else {
            return Vec::new();
        };
        let (events, messages) = self.entity.machine.decide_waiting(&waiters.waiting);
        if !events.is_empty() {
            let entry = Entry { events, answered: None, raw_events: Vec::new() };
            if self.append(&entry, moment).is_err() {
                return Vec::new();
            }
        }
        self.waiting_is_written();
        messages
    }

    /// Does what it does by itself, if the time has come. Where the journal has no room it is tried
    /// again. Returns the messages to send.
    pub fn wake(&mut self, moment: ShellContext<'_>) -> Vec<OutgoingMessage> {
        if self.wakes_at().is_none_or(|at| at > moment.now) {
            return Vec::new();
        }
        let ShellContext { now, fresh, .. } = moment;
        let context = Context { me: &self.id, now, fresh, request: None };
        let decision = self.entity.machine.decide_awake(&context);
        if decision.events.is_empty() {
            return Vec::new();
        }
        let (events, raw_events) = (decision.events, decision.raw_events);
        let mut entry = Entry { events, answered: None, raw_events };
        let mut messages = self.add_waiting(&mut entry);
        if self.append(&entry, moment).is_err() {
            return Vec::new();
        }
        self.waiting_is_written();
        messages.extend(decision.messages);
        messages
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.entity.machine.wakes_at()
    }

    fn waiting_is_written(&mut self) {
        if let Some(waiters) = &mut self.waiters {
            waiters.waiting.clear();
        }
        self.part_if_alone();
    }

    fn decide(
        &mut self,
        command: M::Command,
        request: Option<RequestTag>,
        moment: ShellContext<'_>,
    ) -> Result<Decided<M>, Undecided<M>> {
        let context = Context { me: &self.id, now: moment.now, fresh: moment.fresh, request };
        let entity = &self.entity;
        // Deciding only reads the state: if it panics the state is as it was.
        let handled = catch_unwind(AssertUnwindSafe(|| entity.handle(command, &context)));
        let (entry, mut messages, answer, completed) = match handled {
            Ok(Handled::Decided { entry, messages, answer, completed }) => {
                (entry, messages, answer, completed)
            }
            Ok(Handled::Replayed(reply)) => return Err(Undecided::Replayed(reply)),
            Ok(Handled::Mismatch) => return Err(Undecided::Error(AskError::Mismatch)),
            Ok(Handled::TooManyAnswers) => return Err(Undecided::Error(AskError::Overloaded)),
            Ok(Handled::Refused(refusal)) => {
                return Err(Undecided::Error(AskError::Refused(refusal)));
            }
            Err(_) => {
                tracing::error!(kind = self.id.kind.as_str(), "a decision panicked");
                return Err(Undecided::Error(AskError::Fault));
            }
        };
        if let Some(mut entry) = entry {
            messages.extend(self.add_waiting(&mut entry));
            self.append(&entry, moment).map_err(|error| Undecided::Error(error.into()))?;
            self.waiting_is_written();
        }
        if let Some((reply_token, reply)) = completed {
            self.complete(reply_token, reply, moment);
        }
        Ok(Decided { messages, answer })
    }

    /// Puts what messages that waited come to in front of an entry.
    fn add_waiting(&self, entry: &mut EntryOf<M>) -> Vec<OutgoingMessage> {
        let Some(waiters) = self.waiters.as_ref().filter(|here| !here.waiting.is_empty()) else {
            return Vec::new();
        };
        let (mut events, messages) = self.entity.machine.decide_waiting(&waiters.waiting);
        events.append(&mut entry.events);
        entry.events = events;
        messages
    }

    fn append(&mut self, entry: &EntryOf<M>, moment: ShellContext<'_>) -> Result<(), AppendError> {
        let core = codec::encode(entry);
        let personal = (!entry.raw_events.is_empty()).then(|| codec::encode(&entry.raw_events));
        let appended = moment.journal.append(Draft {
            entity: &self.id,
            version: self.entity.version.next(),
            previous: self.entity.position,
            at: moment.now,
            format: FORMAT,
            core: &core,
            personal: personal.as_deref(),
        });
        moment.refuses.store(appended == Err(AppendError::Full), Ordering::Relaxed);
        let position = appended?;
        self.entity.apply(entry, moment.now, position);
        if let Some(waiters) = &mut self.waiters {
            let entity = &self.entity;
            waiters.listeners.retain_mut(|listener| listener.changed(entity) == Listening::On);
        }
        self.part_if_alone();
        Ok(())
    }

    fn complete(&mut self, reply_token: ReplyToken, reply: M::Reply, moment: ShellContext<'_>) {
        // After a restart nobody waits any more; the answer is remembered for who asks again.
        let Some(waiters) = &mut self.waiters else { return };
        // Several may wait for the same thing.
        let (done, waiting) = std::mem::take(&mut waiters.askers)
            .into_iter()
            .partition(|(waiting, _)| *waiting == reply_token);
        waiters.askers = waiting;
        self.part_if_alone();
        let done: Vec<(ReplyToken, Responder<M>)> = done;
        for (_, responder) in done {
            self.respond(responder, Ok((reply.clone(), Origin::Fresh)), moment);
        }
    }

    fn respond(
        &self,
        responder: Responder<M>,
        outcome: Result<(M::Reply, Origin), AskError<M::Refusal>>,
        moment: ShellContext<'_>,
    ) {
        // A refusal depends on what came before it as much as an answer does.
        let position = self.entity.position;
        send_when_durable(moment.journal, position, responder, Response { outcome, position });
    }

    /// What it waits for others to answer, to be sent again.
    #[must_use]
    pub fn outstanding(&self) -> Vec<OutgoingMessage> {
        self.entity.machine.outstanding(&self.id)
    }

    /// Where its last record stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.entity.position
    }
}

struct Decided<M: Machine> {
    messages: Vec<OutgoingMessage>,
    answer: Answer<M::Reply>,
}

enum Undecided<M: Machine> {
    Replayed(M::Reply),
    Error(AskError<M::Refusal>),
}

impl<R> From<AppendError> for AskError<R> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::Overloaded,
            AppendError::TooLarge { .. } => Self::TooLarge,
            AppendError::Stopped(_) => Self::Stopping,
        }
    }
}
