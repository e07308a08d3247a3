//! What every entity is: a state machine with a memory for what it has answered.
//!
//! [`Machine`] is the rules of one kind of entity, [`Command`] one thing that it can be asked, with
//! a reply of its own. [`Entity`] is a machine with what all kinds share: its version, and the
//! answers it remembers by idempotency key. [`Entry`] is what one command or message adds to the
//! entity's stream; it is appended and applied as a whole or not at all.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::answers::{Answers, Recall, RequestTag};
use crate::entity::EntityId;
use crate::event::RawEvent;
use crate::exchange::Asked;
use crate::journal_point::{Position, Version};
use crate::ledger::Posting;
use crate::message::Message;
use crate::time::Timestamp;

/// The rules of one kind of entity.
pub trait Machine: Clone + fmt::Debug + Default + Eq + Send + 'static {
    /// What can happen to it.
    type Event: Clone + fmt::Debug + Eq + Send;
    /// Why it says no to a command. A refusal has no effect.
    type Refusal: Clone + fmt::Debug + Send;

    /// What follows from a message of another entity. Reads the state only. A message is never
    /// refused: what can't be done is answered by a message.
    fn receive(&self, from: EntityId, message: Message, context: &Context<'_>) -> Decision<Self>;

    /// Whether a message can wait for the next entry, so that a busy entity appends one where it
    /// would append two. Only bookkeeping can: what nobody waits for, and what commutes with every
    /// other decision.
    fn can_defer(&self, message: &Message) -> bool;

    /// What follows from messages that were deferred.
    fn decide_deferred(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Self::Event>, Vec<OutgoingMessage>);

    /// Folds an event into the state. What `decide` allowed fits; if it does not, the journal and
    /// the rules disagree, and this panics rather than go on from a wrong state.
    fn apply(&mut self, event: &Self::Event, at: Timestamp);

    /// How an event moves money.
    fn postings(me: &EntityId, event: &Self::Event) -> Vec<Posting>;

    /// Messages whose answer is still due: sent again when the entity is activated.
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

/// Something that an entity can be asked to do. Its file has its guards in their order, the events,
/// how it ends, and the table of its tests.
pub trait Command: fmt::Debug + Send + Sized + 'static {
    /// The kind of entity that is asked.
    type Machine: Machine;
    /// What the asker gets.
    type Reply: ReplyValue + Clone;

    /// What follows from the command in this state. Reads the state only.
    ///
    /// # Errors
    /// The machine's refusals, each saying what is so.
    fn decide(self, state: &Self::Machine, context: &Context<'_>) -> Decided<Self>;
}

/// What a command comes to.
pub type Decided<C> = Result<
    Decision<<C as Command>::Machine, <C as Command>::Reply>,
    <<C as Command>::Machine as Machine>::Refusal,
>;

/// A value that can be a command's reply.
pub trait ReplyValue: Any + fmt::Debug + Send + Sync {
    /// Whether another reply is the same.
    fn is_same(&self, other: &dyn ReplyValue) -> bool;
}

impl<T: Any + fmt::Debug + Eq + Send + Sync> ReplyValue for T {
    fn is_same(&self, other: &dyn ReplyValue) -> bool {
        (other as &dyn Any).downcast_ref::<T>() == Some(self)
    }
}

/// The reply of some command to `M`, as it is remembered. Cheap to clone: the value is shared.
pub struct AnyReply<M> {
    value: Arc<dyn ReplyValue>,
    machine: PhantomData<fn() -> M>,
}

impl<M> AnyReply<M> {
    /// Any command's reply.
    pub fn new(reply: impl ReplyValue) -> Self {
        Self { value: Arc::new(reply), machine: PhantomData }
    }

    /// The reply, if it is of this type.
    #[must_use]
    pub fn get<R: Any>(&self) -> Option<&R> {
        let value: &dyn Any = &*self.value;
        value.downcast_ref()
    }
}

impl<M> Clone for AnyReply<M> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), machine: PhantomData }
    }
}

impl<M> fmt::Debug for AnyReply<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<M> PartialEq for AnyReply<M> {
    fn eq(&self, other: &Self) -> bool {
        self.value.is_same(&*other.value)
    }
}

impl<M> Eq for AnyReply<M> {}

/// The reply that says only that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted;

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

/// What follows from a command (`R` is its reply) or from a message, which has no reply.
#[derive(Debug)]
pub struct Decision<M: Machine, R = Infallible> {
    /// Events, in order; empty where nothing changes.
    pub events: Vec<M::Event>,
    /// Messages to other entities, to be sent once the events are applied.
    pub messages: Vec<OutgoingMessage>,
    /// What the asker gets.
    pub answer: Answer<R>,
    /// An earlier asker, who was told to wait, gets this now.
    pub completed: Option<Completed<M>>,
    /// What the events say about a person beyond what replay needs.
    pub raw_events: Vec<Arc<RawEvent>>,
}

impl<M: Machine> Decision<M> {
    /// Nothing changes and nobody waits.
    #[must_use]
    pub fn nothing() -> Self {
        Self::because(Vec::new())
    }

    /// These events; nobody waits for them.
    #[must_use]
    pub fn because(events: Vec<M::Event>) -> Self {
        Self::of(events, Answer::Nothing)
    }

    /// Nothing changes, but for a message.
    #[must_use]
    pub fn answering(message: OutgoingMessage) -> Self {
        Self::nothing().sending(vec![message])
    }
}

impl<M: Machine, R> Decision<M, R> {
    /// Nothing changes; the asker gets `reply`.
    pub fn reply(reply: R) -> Self {
        Self::of(Vec::new(), Answer::Now(reply))
    }

    /// These events, and an answer.
    pub fn of(events: Vec<M::Event>, answer: Answer<R>) -> Self {
        Self { events, messages: Vec::new(), answer, completed: None, raw_events: Vec::new() }
    }

    /// With messages to send.
    #[must_use]
    pub fn sending(mut self, messages: Vec<OutgoingMessage>) -> Self {
        self.messages = messages;
        self
    }

    /// With what it says about a person.
    #[must_use]
    pub fn about(mut self, raw_events: Vec<Arc<RawEvent>>) -> Self {
        self.raw_events = raw_events;
        self
    }
}

/// When and what the asker is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<R> {
    /// With this, once it is durable.
    Now(R),
    /// When the decision with this reply token in `completed` is made.
    Later(ReplyToken),
    /// Nobody waits: it was a message.
    Nothing,
}

/// Names an asker who waits for something that takes several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken(pub u128);

/// The end of something that took several steps.
#[derive(Clone, Debug)]
pub struct Completed<M: Machine> {
    /// Who waits for it.
    pub reply_token: ReplyToken,
    /// The idempotency key under which a reply is remembered. A refusal is not: a repeat tries
    /// again.
    pub request: Option<RequestTag>,
    /// The reply, or why it came to nothing after all.
    pub outcome: End<M>,
}

/// How something that took several steps ends: with a reply, or as refused after all.
pub type End<M> = Result<AnyReply<M>, <M as Machine>::Refusal>;

impl<M: Machine> Completed<M> {
    /// The end of an exchange that somebody may wait for.
    #[must_use]
    pub fn of(asked: Asked, outcome: End<M>) -> Self {
        Self { reply_token: asked.reply_token, request: asked.request, outcome }
    }
}

/// A message with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// Who gets it.
    pub to: EntityId,
    /// What it says.
    pub message: Message,
}

/// What one command or message adds to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<M: Machine> {
    /// What happened, in order.
    pub events: Vec<M::Event>,
    /// The answer to remember, and under which key.
    pub answered: Option<(RequestTag, AnyReply<M>)>,
    /// What is about a person: kept apart, so that it can be erased without touching the rest.
    pub raw_events: Vec<Arc<RawEvent>>,
}

/// One entity: its machine, its version, and what it has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity<M: Machine> {
    /// The state proper.
    pub machine: M,
    /// Answers by idempotency key.
    pub answers: Answers<M>,
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
pub enum Handled<M: Machine, R> {
    /// The first answer to this idempotency key.
    Replayed(R),
    /// The idempotency key was used for another body, or for another command.
    Mismatch,
    /// Too many answers are remembered to take a new idempotency key.
    TooManyAnswers,
    /// The machine said no.
    Refused(M::Refusal),
    /// The machine decided.
    Concluded(Concluded<M, R>),
}

/// A decision as it is carried out.
#[derive(Debug)]
pub struct Concluded<M: Machine, R> {
    /// To append and apply; `None` where nothing changes.
    pub entry: Option<Entry<M>>,
    /// To send once it is applied.
    pub messages: Vec<OutgoingMessage>,
    /// For the asker.
    pub answer: Answer<R>,
    /// For an earlier asker.
    pub completed: Option<(ReplyToken, End<M>)>,
}

impl<M: Machine> Entity<M> {
    /// Looks the idempotency key up, and lets the command decide if it is new.
    pub fn handle<C: Command<Machine = M>>(
        &self,
        command: C,
        context: &Context<'_>,
    ) -> Handled<M, C::Reply> {
        if let Some(tag) = context.request {
            match self.answers.recall(tag, context.now) {
                Recall::Same(reply) => {
                    return match reply.get::<C::Reply>() {
                        Some(reply) => Handled::Replayed(reply.clone()),
                        // The one place where a replay of another command shows.
                        None => Handled::Mismatch,
                    };
                }
                Recall::OtherBody => return Handled::Mismatch,
                Recall::Full => return Handled::TooManyAnswers,
                Recall::New => {}
            }
        }
        match command.decide(&self.machine, context) {
            Ok(mut decision) => {
                let now = match (&decision.answer, context.request) {
                    (Answer::Now(reply), Some(tag)) => Some((tag, AnyReply::new(reply.clone()))),
                    (Answer::Now(_) | Answer::Later(_) | Answer::Nothing, _) => None,
                };
                let completed = decision.completed.take();
                Handled::Concluded(conclude(decision, now, completed))
            }
            Err(refusal) => Handled::Refused(refusal),
        }
    }

    /// Lets the machine decide what a message comes to.
    pub fn receive(
        &self,
        from: EntityId,
        message: Message,
        context: &Context<'_>,
    ) -> Concluded<M, Infallible> {
        let mut decision = self.machine.receive(from, message, context);
        let completed = decision.completed.take();
        conclude(decision, None, completed)
    }

    /// Folds an entry in, as the next version, at its place in the journal.
    pub fn apply(&mut self, entry: &Entry<M>, at: Timestamp, position: Position) {
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

/// The entry remembers the reply of whoever is answered now, or whose wait ends now.
fn conclude<M: Machine, R>(
    decision: Decision<M, R>,
    now: Option<(RequestTag, AnyReply<M>)>,
    completed: Option<Completed<M>>,
) -> Concluded<M, R> {
    let Decision { events, messages, answer, completed: _, raw_events } = decision;
    let ended = completed
        .as_ref()
        .and_then(|completed| Some((completed.request?, completed.outcome.as_ref().ok()?.clone())));
    let answered = ended.or(now);
    let entry = (!events.is_empty() || answered.is_some()).then_some(Entry {
        events,
        answered,
        raw_events,
    });
    let completed = completed.map(|completed| (completed.reply_token, completed.outcome));
    Concluded { entry, messages, answer, completed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::MAX_ANSWERS;
    use crate::system::{Mint, MintTo, Minted, System};
    use crate::testing::*;

    fn mint() -> Mint {
        let (to, by, reason) = (MintTo::Treasury, "op".into(), "more".into());
        Mint { amount: micros(5), to, by, reason }
    }

    fn bank() -> UnderTest<System> {
        UnderTest::new(system())
    }

    #[test]
    fn a_new_key_finds_no_room_where_too_many_answers_are_remembered() {
        let mut bank = bank();
        for n in 1..=MAX_ANSWERS {
            let n = u64::try_from(n).expect("few");
            bank.entity.answers.remember(tag(n), AnyReply::new(Noted), NOW);
        }
        let before = bank.entity.clone();
        bank.request = Some(tag(0));
        assert!(matches!(bank.handle(mint()), Handled::TooManyAnswers));
        // What is remembered is answered, another kind of reply is not this command's.
        bank.request = Some(tag(1));
        assert!(matches!(bank.handle(mint()), Handled::Mismatch));
        assert_eq!(bank.entity, before);
        // Without a key nothing needs to be remembered.
        bank.request = None;
        assert!(matches!(bank.handle(mint()), Handled::Concluded(_)));
    }

    #[test]
    fn a_refusal_is_not_remembered() {
        let mut bank = bank().with(|bank| bank.minted = micros(u64::MAX));
        bank.request = Some(tag(1));
        assert!(matches!(bank.handle(mint()), Handled::Refused(_)));
        assert!(bank.entity.answers.is_empty());
        bank.minted = micros(0);
        assert!(matches!(bank.ask(mint()).answer, Answer::Now(Minted { .. })));
    }

    #[test]
    fn each_entry_is_a_version() {
        let mut bank = bank();
        bank.ask(mint());
        bank.ask(mint());
        assert_eq!(bank.entity.version, Version::new(2));
        bank.hear(&person("ada"), Message::Forget { exchange: exchange_id(1) });
        assert_eq!(bank.entity.version, Version::new(2), "nothing changed");
        let entry = Entry { events: vec![], answered: None, raw_events: vec![] };
        bank.entity.apply(&entry, NOW, Position::new(9));
        assert_eq!(
            (bank.entity.version, bank.entity.position),
            (Version::new(3), Position::new(9))
        );
    }

    #[test]
    fn an_answer_alone_is_an_entry_where_there_is_a_key() {
        let wallet = crate::user::BindWallet { address: [1; 20] };
        for request in [None, Some(tag(1))] {
            let mut ada = user("ada").with(|ada| {
                ada.links.get_or_insert_default().wallet = Some([1; 20]);
            });
            ada.request = request;
            let Handled::Concluded(concluded) = ada.handle(wallet) else { panic!("concluded") };
            assert_eq!(concluded.entry.is_some(), request.is_some());
        }
    }

    #[test]
    fn replies_are_equal_by_type_and_value() {
        let reply = AnyReply::<System>::new(7_u8);
        assert_eq!(reply, AnyReply::new(7_u8));
        assert_ne!(reply, AnyReply::new(8_u8));
        assert_ne!(reply, AnyReply::new(7_u16));
        assert_eq!((reply.get::<u8>(), reply.get::<u16>()), (Some(&7), None));
        assert_eq!(format!("{:?}", reply.clone()), "7");
    }
}
