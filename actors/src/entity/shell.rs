//! The shell around a machine: it decides, appends, applies, answers, in this order.
//!
//! A plain struct; the actor around it only moves messages. An answer leaves it when all that it
//! depends on is durable; messages to other actors go at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use priv_domain::confirm::{Admitted, Confirmations};
use priv_domain::context::Context;
use priv_domain::machine::{Answer, Command, Concluded, End, Entity, Entry, Handled, Machine};
use priv_domain::message::Message;
use priv_domain::message::OutgoingMessage;
use priv_domain::reply::ReplyToken;
use priv_domain::{EntityId, Position, RequestTag, Timestamp};
use priv_journal::{AppendError, Draft, Journal};
use priv_store::codec::{self, FORMAT, Persistent, ReplyOf};

use crate::ask::{Ask, AskError, Origin, Responder, Response, send_when_durable};

/// Messages that may be deferred at once.
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

/// An entity in use.
pub struct Shell<M: Persistent> {
    id: EntityId,
    entity: Entity<M>,
    /// Allocated only while someone waits or listens.
    waiters: Option<Box<Waiters<M>>>,
}

/// Answers an asker with the end of what it waits for, at the position that the end depends on.
type Waiter<M> = Box<dyn FnOnce(&dyn Journal, Position, &End<M>) + Send>;

/// Who waits at an entity.
struct Waiters<M: Persistent> {
    /// Messages that wait for the next entry.
    waiting: Vec<(EntityId, Message)>,
    askers: Vec<(ReplyToken, Waiter<M>)>,
    listeners: Vec<Box<dyn Listener<M>>>,
    confirmations: Confirmations,
}

impl<M: Persistent> Default for Waiters<M> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            askers: Vec::new(),
            listeners: Vec::new(),
            confirmations: Confirmations::default(),
        }
    }
}

impl<M: Persistent> Waiters<M> {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
            && self.askers.is_empty()
            && self.listeners.is_empty()
            && self.confirmations.is_empty()
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.waiting.capacity() * size_of::<(EntityId, Message)>()
            + self.askers.capacity() * size_of::<(ReplyToken, Waiter<M>)>()
            + self.listeners.capacity() * size_of::<Box<dyn Listener<M>>>()
            + self.confirmations.heap_bytes()
    }
}

/// What the shell needs to know of the context.
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

    /// Whether it has asked openers whether their offers are open, and decides when they answer.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.waiters.as_ref().is_some_and(|waiters| !waiters.confirmations.is_empty())
    }

    /// Messages that wait for the next entry.
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
    pub(crate) fn ask<C>(&mut self, ask: Ask<C>, context: ShellContext<'_>) -> Vec<OutgoingMessage>
    where
        C: Command<Machine = M, Reply: ReplyOf<M>>,
    {
        let Ask { command, request, responder } = ask;
        match self.handle(command, request, context) {
            Ok(Decided { answer: Answer::Later(reply_token), messages }) => {
                let waiter = waiter(responder);
                self.waiters_mut().askers.push((reply_token, waiter));
                messages
            }
            Ok(Decided { answer: Answer::Now(reply), messages }) => {
                self.respond(responder, Ok((reply, Origin::Fresh)), context);
                messages
            }
            Ok(Decided { answer: Answer::Nothing, messages }) => messages,
            Err(Undecided::Replayed(reply)) => {
                self.respond(responder, Ok((reply, Origin::Replayed)), context);
                Vec::new()
            }
            Err(Undecided::Error(error)) => {
                self.respond(responder, Err(error), context);
                Vec::new()
            }
        }
    }

    /// Receives a message, now or with the next entry. Returns the messages to send.
    ///
    /// # Errors
    /// The journal has no room: the message must be brought again.
    pub fn receive(
        &mut self,
        from: EntityId,
        message: Message,
        context: ShellContext<'_>,
    ) -> Result<Vec<OutgoingMessage>, Box<(EntityId, Message)>> {
        let message = match self.admit(&from, message, context.fresh) {
            Admitted::Decide(message) => message,
            Admitted::Answer(messages) => return Ok(messages),
        };
        if self.entity.machine.can_defer(&message) {
            self.waiters_mut().waiting.push((from, message));
            return match self.waiting() >= MAX_WAITING {
                true => Ok(self.flush(context)),
                false => Ok(Vec::new()),
            };
        }
        let machine_context =
            Context { me: &self.id, now: context.now, fresh: context.fresh, request: None };
        let entity = &self.entity;
        let unread = || Box::new((from.clone(), message.clone()));
        // Deciding only reads the state: if it panics the state is as it was.
        let concluded = catch_unwind(AssertUnwindSafe(|| {
            entity.receive(from.clone(), message.clone(), &machine_context)
        }));
        let Ok(concluded) = concluded else {
            tracing::error!(kind = self.id.kind.as_str(), "a decision panicked");
            return Ok(Vec::new());
        };
        match self.carry_out(concluded, context) {
            Ok(decided) => Ok(decided.messages),
            Err(AppendError::Full) => Err(unread()),
            Err(error @ AppendError::TooLarge { .. }) => {
                // No answer to a message is: what sent it stays open.
                tracing::error!(%error, kind = self.id.kind.as_str(), "a message has no answer");
                Ok(Vec::new())
            }
            Err(AppendError::Stopped(_)) => Ok(Vec::new()),
        }
    }

    /// Lets a message through to the machine, or answers it.
    fn admit(&mut self, from: &EntityId, message: Message, fresh: u128) -> Admitted {
        let machine = &self.entity.machine;
        if let Some(waiters) = &mut self.waiters {
            let admitted = waiters.confirmations.admit(machine, from, message, fresh);
            self.part_if_alone();
            return admitted;
        }
        let mut confirmations = Confirmations::default();
        let admitted = confirmations.admit(machine, from, message, fresh);
        if !confirmations.is_empty() {
            self.waiters_mut().confirmations = confirmations;
        }
        admitted
    }

    /// Appends the effects of deferred messages; if the journal is full, they stay deferred.
    pub fn flush(&mut self, context: ShellContext<'_>) -> Vec<OutgoingMessage> {
        let Some(waiters) = self.waiters.as_ref().filter(|here| !here.waiting.is_empty()) else {
            return Vec::new();
        };
        let (events, messages) = self.entity.machine.decide_deferred(&waiters.waiting);
        if !events.is_empty() {
            let entry = Entry { events, answered: None, raw_events: Vec::new() };
            if self.append(&entry, context).is_err() {
                return Vec::new();
            }
        }
        self.deferred_are_written();
        messages
    }

    /// Does what it does by itself, if the time has come. Where the journal has no room it is tried
    /// again. Returns the messages to send.
    pub fn wake(&mut self, context: ShellContext<'_>) -> Vec<OutgoingMessage> {
        if self.wakes_at().is_none_or(|at| at > context.now) {
            return Vec::new();
        }
        let ShellContext { now, fresh, .. } = context;
        let machine_context = Context { me: &self.id, now, fresh, request: None };
        let decision = self.entity.machine.decide_awake(&machine_context);
        if decision.events.is_empty() {
            return Vec::new();
        }
        let (events, raw_events) = (decision.events, decision.raw_events);
        let mut entry = Entry { events, answered: None, raw_events };
        let mut messages = self.add_deferred(&mut entry);
        if self.append(&entry, context).is_err() {
            return Vec::new();
        }
        self.deferred_are_written();
        messages.extend(decision.messages);
        messages
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.entity.machine.wakes_at()
    }

    fn deferred_are_written(&mut self) {
        if let Some(waiters) = &mut self.waiters {
            waiters.waiting.clear();
        }
        self.part_if_alone();
    }

    fn handle<C: Command<Machine = M>>(
        &mut self,
        command: C,
        request: Option<RequestTag>,
        context: ShellContext<'_>,
    ) -> Result<Decided<C::Reply>, Undecided<M, C::Reply>> {
        let machine_context =
            Context { me: &self.id, now: context.now, fresh: context.fresh, request };
        let entity = &self.entity;
        // Deciding only reads the state: if it panics the state is as it was.
        let handled = catch_unwind(AssertUnwindSafe(|| entity.handle(command, &machine_context)));
        match handled {
            Ok(Handled::Concluded(concluded)) => {
                self.carry_out(concluded, context).map_err(|error| Undecided::Error(error.into()))
            }
            Ok(Handled::Replayed(reply)) => Err(Undecided::Replayed(reply)),
            Ok(Handled::Mismatch) => Err(Undecided::Error(AskError::Mismatch)),
            Ok(Handled::TooManyAnswers) => Err(Undecided::Error(AskError::Overloaded)),
            Ok(Handled::Refused(refusal)) => Err(Undecided::Error(AskError::Refused(refusal))),
            Err(_) => {
                tracing::error!(kind = self.id.kind.as_str(), "a decision panicked");
                Err(Undecided::Error(AskError::Fault))
            }
        }
    }

    /// Appends and applies what was decided, and answers whoever waited for it.
    fn carry_out<R>(
        &mut self,
        concluded: Concluded<M, R>,
        context: ShellContext<'_>,
    ) -> Result<Decided<R>, AppendError> {
        let Concluded { entry, mut messages, answer, completed } = concluded;
        if let Some(mut entry) = entry {
            messages.extend(self.add_deferred(&mut entry));
            self.append(&entry, context)?;
            self.deferred_are_written();
        }
        if let Some((reply_token, end)) = completed {
            self.complete(reply_token, &end, context);
        }
        Ok(Decided { messages, answer })
    }

    /// Puts the effects of deferred messages in front of an entry.
    fn add_deferred(&self, entry: &mut Entry<M>) -> Vec<OutgoingMessage> {
        let Some(waiters) = self.waiters.as_ref().filter(|here| !here.waiting.is_empty()) else {
            return Vec::new();
        };
        let (mut events, messages) = self.entity.machine.decide_deferred(&waiters.waiting);
        events.append(&mut entry.events);
        entry.events = events;
        messages
    }

    fn append(&mut self, entry: &Entry<M>, context: ShellContext<'_>) -> Result<(), AppendError> {
        let core = codec::encode(entry);
        let personal = (!entry.raw_events.is_empty()).then(|| codec::encode(&entry.raw_events));
        let appended = context.journal.append(Draft {
            entity: &self.id,
            version: self.entity.version.next(),
            previous: self.entity.position,
            at: context.now,
            format: FORMAT,
            core: &core,
            personal: personal.as_deref(),
        });
        context.refuses.store(appended == Err(AppendError::Full), Ordering::Relaxed);
        let position = appended?;
        self.entity.apply(entry, context.now, position);
        if let Some(waiters) = &mut self.waiters {
            let entity = &self.entity;
            waiters.listeners.retain_mut(|listener| listener.changed(entity) == Listening::On);
        }
        self.part_if_alone();
        Ok(())
    }

    fn complete(&mut self, reply_token: ReplyToken, end: &End<M>, context: ShellContext<'_>) {
        // After a restart nobody waits any more; the answer is remembered for who asks again.
        let Some(waiters) = &mut self.waiters else { return };
        // Several may wait for the same thing.
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut waiters.askers)
            .into_iter()
            .partition(|(waiting, _)| *waiting == reply_token);
        waiters.askers = waiting;
        self.part_if_alone();
        for (_, waiter) in done {
            waiter(context.journal, self.entity.position, end);
        }
    }

    fn respond<R: Send + 'static>(
        &self,
        responder: Responder<M, R>,
        outcome: Result<(R, Origin), AskError<M::Refusal>>,
        context: ShellContext<'_>,
    ) {
        // A refusal depends on what came before it as much as an answer does.
        let position = self.entity.position;
        send_when_durable(context.journal, position, responder, Response { outcome, position });
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

/// Answers an asker of an `R` when what it waits for has come to its end.
fn waiter<M, R>(responder: Responder<M, R>) -> Waiter<M>
where
    M: Machine,
    R: Clone + Send + 'static,
{
    Box::new(move |journal, position, end| {
        let outcome = match end {
            Ok(reply) => match reply.get::<R>() {
                Some(reply) => Ok((reply.clone(), Origin::Fresh)),
                None => Err(AskError::Mismatch),
            },
            Err(refusal) => Err(AskError::Refused(refusal.clone())),
        };
        send_when_durable(journal, position, responder, Response { outcome, position });
    })
}

struct Decided<R> {
    messages: Vec<OutgoingMessage>,
    answer: Answer<R>,
}

enum Undecided<M: Machine, R> {
    Replayed(R),
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
