//! The shell around a machine: it decides, appends, applies, answers, in this order.
//!
//! A plain struct; the actor around it only moves messages. An answer leaves it when all that it
//! depends on is durable; letters to other actors go at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use priv_domain::letter::Letter;
use priv_domain::machine::{
    Answer, Context, Entity, Entry, EntryOf, Handled, Machine, Outgoing, Ticket,
};
use priv_domain::{EntityId, Position, RequestTag, Timestamp};
use priv_persistence::codec::{self, FORMAT, Stored};
use priv_persistence::journal::{AppendError, Draft, Journal};

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
pub trait Kept: Machine<Event: Stored, Reply: Stored> + Stored {}

impl<M: Machine<Event: Stored, Reply: Stored> + Stored> Kept for M {}

/// An entity in use.
pub struct Shell<M: Kept> {
    id: EntityId,
    entity: Entity<M>,
    /// There only while somebody is: most of a million entities are alone.
    company: Option<Box<Company<M>>>,
}

/// Who waits at an entity.
struct Company<M: Kept> {
    /// Letters that wait for the next entry.
    waiting: Vec<(EntityId, Letter)>,
    askers: Vec<(Ticket, Responder<M>)>,
    listeners: Vec<Box<dyn Listener<M>>>,
}

impl<M: Kept> Default for Company<M> {
    fn default() -> Self {
        Self { waiting: Vec::new(), askers: Vec::new(), listeners: Vec::new() }
    }
}

impl<M: Kept> Company<M> {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.askers.is_empty() && self.listeners.is_empty()
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.waiting.capacity() * size_of::<(EntityId, Letter)>()
            + self.askers.capacity() * size_of::<(Ticket, Responder<M>)>()
            + self.listeners.capacity() * size_of::<Box<dyn Listener<M>>>()
    }
}

/// What the shell needs to know of the moment.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// A new id.
    pub fresh: u128,
    /// Where entries go.
    pub journal: &'a dyn Journal,
    /// Whether the journal had no room the last time.
    pub refuses: &'a AtomicBool,
}

impl<M: Kept> Shell<M> {
    /// An entity as it was left.
    #[must_use]
    pub fn new(id: EntityId, entity: Entity<M>) -> Self {
        Self { id, entity, company: None }
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
        let company = self.company.as_ref();
        company.is_some_and(|here| !here.listeners.is_empty() || !here.askers.is_empty())
    }

    /// Letters that wait for the next entry.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.company.as_ref().map_or(0, |company| company.waiting.len())
    }

    /// Adds a listener.
    pub fn listen(&mut self, listener: Box<dyn Listener<M>>) {
        self.drop_closed_listeners();
        let listeners = &mut self.company_mut().listeners;
        if listeners.len() >= MAX_LISTENERS {
            listeners.remove(0);
        }
        listeners.push(listener);
    }

    /// Lets those go whose other end has gone.
    pub fn drop_closed_listeners(&mut self) {
        if let Some(company) = &mut self.company {
            company.listeners.retain(|listener| listener.is_open());
        }
        self.part_if_alone();
    }

    fn company_mut(&mut self) -> &mut Company<M> {
        self.company.get_or_insert_default()
    }

    fn part_if_alone(&mut self) {
        if self.company.as_ref().is_some_and(|company| company.is_empty()) {
            self.company = None;
        }
    }

    /// Memory that it takes on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let company = self.company.as_ref().map_or(0, |company| company.heap_bytes());
        self.entity.machine.heap_bytes()
            + self.entity.answers.heap_bytes()
            + self.id.key.len()
            + company
    }

    /// Decides a command and answers, now or when it is completed. Returns the letters to send.
    pub(crate) fn ask(&mut self, ask: Ask<M>, moment: Moment<'_>) -> Vec<Outgoing> {
        let Ask { command, request, responder } = ask;
        match self.decide(command, request, moment) {
            Ok(Decided { answer: Answer::Later(ticket), letters }) => {
                self.company_mut().askers.push((ticket, responder));
                letters
            }
            Ok(Decided { answer: Answer::Now(reply), letters }) => {
                self.respond(responder, Ok((reply, Origin::Fresh)), moment);
                letters
            }
            Ok(Decided { answer: Answer::Nothing, letters }) => letters,
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

    /// Reads a letter, now or with the next entry. Returns the letters to send.
    ///
    /// # Errors
    /// The journal has no room: the letter must be brought again.
    pub fn read(
        &mut self,
        from: EntityId,
        letter: Letter,
        moment: Moment<'_>,
    ) -> Result<Vec<Outgoing>, Box<(EntityId, Letter)>> {
        if self.entity.machine.can_wait(&letter) {
            self.company_mut().waiting.push((from, letter));
            return match self.waiting() >= MAX_WAITING {
                true => Ok(self.flush(moment)),
                false => Ok(Vec::new()),
            };
        }
        match self.decide(M::receive(from.clone(), letter.clone()), None, moment) {
            Ok(decided) => Ok(decided.letters),
            Err(Undecided::Error(AskError::Overloaded)) => Err(Box::new((from, letter))),
            // A letter is not refused, and has no idempotency key. A fault was logged.
            Err(Undecided::Error(_) | Undecided::Replayed(_)) => Ok(Vec::new()),
        }
    }

    /// Writes what letters that waited come to. Where the journal has no room they wait on.
    pub fn flush(&mut self, moment: Moment<'_>) -> Vec<Outgoing> {
        let Some(company) = self.company.as_ref().filter(|here| !here.waiting.is_empty()) else {
            return Vec::new();
        };
        let (events, letters) = self.entity.machine.decide_waiting(&company.waiting);
        if !events.is_empty() {
            let entry = Entry { events, answered: None, raw_events: Vec::new() };
            if self.append(&entry, moment).is_err() {
                return Vec::new();
            }
        }
        self.waiting_is_written();
        letters
    }

    /// Does what it does by itself, if the time has come. Where the journal has no room it is tried
    /// again. Returns the letters to send.
    pub fn wake(&mut self, moment: Moment<'_>) -> Vec<Outgoing> {
        if self.wakes_at().is_none_or(|at| at > moment.now) {
            return Vec::new();
        }
        let Moment { now, fresh, .. } = moment;
        let context = Context { me: &self.id, now, fresh, request: None };
        let decision = self.entity.machine.decide_awake(&context);
        if decision.events.is_empty() {
            return Vec::new();
        }
        let (events, raw_events) = (decision.events, decision.raw_events);
        let mut entry = Entry { events, answered: None, raw_events };
        let mut letters = self.add_waiting(&mut entry);
        if self.append(&entry, moment).is_err() {
            return Vec::new();
        }
        self.waiting_is_written();
        letters.extend(decision.letters);
        letters
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.entity.machine.wakes_at()
    }

    fn waiting_is_written(&mut self) {
        if let Some(company) = &mut self.company {
            company.waiting.clear();
        }
        self.part_if_alone();
    }

    fn decide(
        &mut self,
        command: M::Command,
        request: Option<RequestTag>,
        moment: Moment<'_>,
    ) -> Result<Decided<M>, Undecided<M>> {
        let context = Context { me: &self.id, now: moment.now, fresh: moment.fresh, request };
        let entity = &self.entity;
        // Deciding only reads the state: if it panics the state is as it was.
        let handled = catch_unwind(AssertUnwindSafe(|| entity.handle(command, &context)));
        let (entry, mut letters, answer, completed) = match handled {
            Ok(Handled::Decided { entry, letters, answer, completed }) => {
                (entry, letters, answer, completed)
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
            letters.extend(self.add_waiting(&mut entry));
            self.append(&entry, moment).map_err(|error| Undecided::Error(error.into()))?;
            self.waiting_is_written();
        }
        if let Some((ticket, reply)) = completed {
            self.complete(ticket, reply, moment);
        }
        Ok(Decided { letters, answer })
    }

    /// Puts what letters that waited come to in front of an entry.
    fn add_waiting(&self, entry: &mut EntryOf<M>) -> Vec<Outgoing> {
        let Some(company) = self.company.as_ref().filter(|here| !here.waiting.is_empty()) else {
            return Vec::new();
        };
        let (mut events, letters) = self.entity.machine.decide_waiting(&company.waiting);
        events.append(&mut entry.events);
        entry.events = events;
        letters
    }

    fn append(&mut self, entry: &EntryOf<M>, moment: Moment<'_>) -> Result<(), AppendError> {
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
        if let Some(company) = &mut self.company {
            let entity = &self.entity;
            company.listeners.retain_mut(|listener| listener.changed(entity) == Listening::On);
        }
        self.part_if_alone();
        Ok(())
    }

    fn complete(&mut self, ticket: Ticket, reply: M::Reply, moment: Moment<'_>) {
        // After a restart nobody waits any more; the answer is remembered for who asks again.
        let Some(company) = &mut self.company else { return };
        // Several may wait for the same thing.
        let (done, waiting) = std::mem::take(&mut company.askers)
            .into_iter()
            .partition(|(waiting, _)| *waiting == ticket);
        company.askers = waiting;
        self.part_if_alone();
        let done: Vec<(Ticket, Responder<M>)> = done;
        for (_, responder) in done {
            self.respond(responder, Ok((reply.clone(), Origin::Fresh)), moment);
        }
    }

    fn respond(
        &self,
        responder: Responder<M>,
        outcome: Result<(M::Reply, Origin), AskError<M::Refusal>>,
        moment: Moment<'_>,
    ) {
        // A refusal depends on what came before it as much as an answer does.
        let position = self.entity.position;
        send_when_durable(moment.journal, position, responder, Response { outcome, position });
    }

    /// What it waits for others to answer, to be sent again.
    #[must_use]
    pub fn outstanding(&self) -> Vec<Outgoing> {
        self.entity.machine.outstanding(&self.id)
    }

    /// Where its last record stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.entity.position
    }
}

struct Decided<M: Machine> {
    letters: Vec<Outgoing>,
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
