//! The machine of an entity, and the entity as a machine that remembers its answers.
//!
//! [`Machine`] is the rules of one kind of entity; [`Command`] is one thing that an entity can be
//! asked, with a reply of its own. [`Entity`] adds to a machine what all kinds share: its version,
//! and the answers that it remembers by idempotency key. [`Entry`] is what one command or message
//! adds to the entity's stream; it is appended and applied as a whole or not at all.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::answers::{Answers, Recall, RequestTag};
use crate::context::{Asked, Context};
use crate::entity::EntityId;
use crate::event::RawEvent;
use crate::exchange::Inbox;
use crate::id::ExchangeId;
use crate::journal_point::{Position, Version};
use crate::ledger::Posting;
use crate::message::{Message, OutgoingMessage};
use crate::reconciliation::TransferStep;
use crate::reply::{AnyReply, ReplyToken, ReplyValue};
use crate::time::Timestamp;

/// The rules of one kind of entity.
pub trait Machine: Clone + fmt::Debug + Default + Eq + Send + 'static {
    /// What can happen to an entity of this kind.
    type Event: Clone + fmt::Debug + Eq + Send;
    /// The reasons for refusing a command. A refusal has no effect.
    type Refusal: Clone + fmt::Debug + Send;

    /// Decides on a message of another entity. Reads the state only. A message is never refused:
    /// what can't be done is answered by a message.
    fn receive(&self, from: EntityId, message: Message, context: &Context<'_>) -> Decision<Self>;

    /// The exchanges of others that it remembers.
    fn inbox(&self) -> &Inbox;

    /// The offer of an exchange that it has open; `None` if it has none of this id.
    fn open_offer(&self, id: ExchangeId) -> Option<Message>;

    /// Whether its own state tells a repeat of this offer from a first one for all time, even once
    /// the exchange is forgotten. Such an offer need not be confirmed, and its refusal not be
    /// remembered.
    fn tells_repeats_apart(&self, _offer: &Message) -> bool {
        false
    }

    /// Whether a message can wait for the next entry, so that a busy entity appends one entry where
    /// it would append two. Only bookkeeping can: nobody waits for it, and it commutes with every
    /// other decision.
    fn can_defer(&self, message: &Message) -> bool;

    /// Decides on messages that were deferred.
    fn decide_deferred(
        &self,
        messages: &[(EntityId, Message)],
    ) -> (Vec<Self::Event>, Vec<OutgoingMessage>);

    /// Folds an event into the state.
    ///
    /// # Panics
    /// The event does not fit the state: the journal and the rules disagree, and nobody may go on
    /// from there. An event that was decided on this state always fits.
    fn apply(&mut self, event: &Self::Event, at: Timestamp);

    /// The postings of an event.
    fn postings(me: &EntityId, event: &Self::Event) -> Vec<Posting>;

    /// The step that an event is of a transfer; `None` if it is of none.
    fn transfer_step(event: &Self::Event) -> Option<TransferStep>;

    /// Messages whose answer is still due, to be sent again when the entity is activated.
    fn outstanding(&self, me: &EntityId) -> Vec<OutgoingMessage>;

    /// The time from which [`Self::decide_awake`] has something to do that nobody asks for; `None`
    /// most of the time. Until then the entity stays in memory.
    fn wakes_at(&self) -> Option<Timestamp> {
        None
    }

    /// Decides on what to do once the time of [`Self::wakes_at`] has come. Reads the state only.
    fn decide_awake(&self, _context: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    /// The memory that the state takes on the heap, in bytes, roughly.
    fn heap_bytes(&self) -> usize;
}

/// One thing that an entity can be asked to do. Its file has its guards in their order, the events,
/// the end, and the table of its tests.
pub trait Command: fmt::Debug + Send + Sized + 'static {
    /// The kind of entity that is asked.
    type Machine: Machine;
    /// The answer to a command that was accepted.
    type Reply: ReplyValue + Clone;

    /// Decides on the command in this state. Reads the state only.
    ///
    /// # Errors
    /// One of the machine's refusals, each of which says what is so.
    fn decide(self, state: &Self::Machine, context: &Context<'_>) -> Decided<Self>;
}

/// The result of deciding on a command: a decision, or the machine's refusal.
pub type Decided<C> = Result<
    Decision<<C as Command>::Machine, <C as Command>::Reply>,
    <<C as Command>::Machine as Machine>::Refusal,
>;

/// What follows from a command, whose reply is of type `R`, or from a message, which has no reply.
#[derive(Debug)]
pub struct Decision<M: Machine, R = Infallible> {
    /// The events, in order; none if nothing changes.
    pub events: Vec<M::Event>,
    /// Messages to other entities, to be sent once the events are applied.
    pub messages: Vec<OutgoingMessage>,
    /// The answer to the request that is decided.
    pub answer: Answer<R>,
    /// The end of an earlier request that was told to wait; `None` if none ends here.
    pub completed: Option<Completed<M>>,
    /// The personal part of the events, which replay does not need.
    pub raw_events: Vec<Arc<RawEvent>>,
}

impl<M: Machine> Decision<M> {
    /// A decision without any effect.
    #[must_use]
    pub fn nothing() -> Self {
        Self::because(Vec::new())
    }

    /// A decision with these events, for which nobody waits.
    #[must_use]
    pub fn because(events: Vec<M::Event>) -> Self {
        Self::of(events, Answer::Nothing)
    }

    /// A decision with a message and no other effect.
    #[must_use]
    pub fn answering(message: OutgoingMessage) -> Self {
        Self::nothing().sending(vec![message])
    }
}

impl<M: Machine, R> Decision<M, R> {
    /// A decision that answers with `reply` and changes nothing.
    pub fn reply(reply: R) -> Self {
        Self::of(Vec::new(), Answer::Now(reply))
    }

    /// A decision with these events and this answer.
    pub fn of(events: Vec<M::Event>, answer: Answer<R>) -> Self {
        Self { events, messages: Vec::new(), answer, completed: None, raw_events: Vec::new() }
    }

    /// Sets the messages to send.
    #[must_use]
    pub fn sending(mut self, messages: Vec<OutgoingMessage>) -> Self {
        self.messages = messages;
        self
    }

    /// Sets the personal part of the events.
    #[must_use]
    pub fn about(mut self, raw_events: Vec<Arc<RawEvent>>) -> Self {
        self.raw_events = raw_events;
        self
    }
}

/// The answer to a request, or when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<R> {
    /// This reply, as soon as the decision is durable.
    Now(R),
    /// The outcome of a later decision, whose `completed` has this reply token.
    Later(ReplyToken),
    /// No answer: it was a message, for which nobody waits.
    Nothing,
}

/// The end of a request that took several steps.
#[derive(Clone, Debug)]
pub struct Completed<M: Machine> {
    /// The request that waits for it.
    pub reply_token: ReplyToken,
    /// The tag under which a reply is remembered. A refusal is not remembered, so a repeat tries
    /// again.
    pub request: Option<RequestTag>,
    /// The reply, or the refusal if it came to nothing.
    pub outcome: End<M>,
}

/// The outcome of a request that took several steps: a reply, or a refusal after all.
pub type End<M> = Result<AnyReply<M>, <M as Machine>::Refusal>;

impl<M: Machine> Completed<M> {
    /// The end of an exchange that a request may wait for.
    #[must_use]
    pub fn of(asked: Asked, outcome: End<M>) -> Self {
        Self { reply_token: asked.reply_token, request: asked.request, outcome }
    }
}

/// What one command or message adds to an entity's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<M: Machine> {
    /// The events, in the order in which they are applied.
    pub events: Vec<M::Event>,
    /// The reply to remember, and the tag of the request that it answers; `None` if there is none.
    pub answered: Option<(RequestTag, AnyReply<M>)>,
    /// The personal part of the events, kept apart so that it can be erased without touching the
    /// rest.
    pub raw_events: Vec<Arc<RawEvent>>,
}

/// One entity: its machine, its version, and the answers that it remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity<M: Machine> {
    /// The state that the machine's rules are about.
    pub machine: M,
    /// The remembered answers, by idempotency key.
    pub answers: Answers<M>,
    /// The version of the last entry; [`Version::ZERO`] before the first.
    pub version: Version,
    /// The journal position of the last entry; [`Position::ZERO`] before the first.
    pub position: Position,
}

impl<M: Machine> Default for Entity<M> {
    /// An entity before its first entry.
    fn default() -> Self {
        Self {
            machine: M::default(),
            answers: Answers::default(),
            version: Version::ZERO,
            position: Position::ZERO,
        }
    }
}

/// The result of handling a command.
#[derive(Debug)]
pub enum Handled<M: Machine, R> {
    /// The first answer to this idempotency key, given again.
    Replayed(R),
    /// The idempotency key was used with another body, or for another command.
    Mismatch,
    /// So many answers are remembered that a new idempotency key can't be taken.
    TooManyAnswers,
    /// The machine refused the command.
    Refused(M::Refusal),
    /// The machine accepted the command.
    Concluded(Concluded<M, R>),
}

/// A decision, ready to be carried out.
#[derive(Debug)]
pub struct Concluded<M: Machine, R> {
    /// The entry to append and apply; `None` if nothing changes.
    pub entry: Option<Entry<M>>,
    /// Messages to send once the entry is applied.
    pub messages: Vec<OutgoingMessage>,
    /// The answer to the request that was decided.
    pub answer: Answer<R>,
    /// The outcome of an earlier request, by its reply token.
    pub completed: Option<(ReplyToken, End<M>)>,
}

impl<M: Machine> Entity<M> {
    /// Looks up the idempotency key, and lets the command decide if the key is new.
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
                        // The one place where a key that another command used is found out.
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

    /// Lets the machine decide on a message.
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

    /// Folds an entry in as the next version, at its position in the journal.
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

/// Makes the entry, which remembers the reply of the request that is answered now or that ends now.
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
    use crate::reply::Noted;
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
        // A remembered reply is given again; one of another type is not this command's.
        bank.request = Some(tag(1));
        assert!(matches!(bank.handle(mint()), Handled::Mismatch));
        assert_eq!(bank.entity, before);
        // Without a key there is nothing to remember.
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
