//! An entity with its clock, and the result of each of its steps.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::names::{NOW, ULIDS_A_STEP, ulid};
use crate::answers::RequestTag;
use crate::context::Context;
use crate::entity::EntityId;
use crate::event::RawEvent;
use crate::journal_point::Position;
use crate::ledger::{AccountClass, TrialBalance};
use crate::listing::Listing;
use crate::machine::{Answer, Command, Concluded, End, Entity, Entry, Handled, Machine};
use crate::message::{Message, OutgoingMessage};
use crate::money::Micros;
use crate::project::Project;
use crate::reply::{AnyReply, ReplyToken};
use crate::system::System;
use crate::time::Timestamp;
use crate::user::User;

/// A machine whose postings can be compared with its state.
pub(crate) trait Holder: Machine {
    /// The amounts that it holds by account class, except for money in flight.
    fn holdings(&self) -> TrialBalance;
}

fn balance(accounts: &[(AccountClass, Micros)]) -> TrialBalance {
    let mut sums = TrialBalance::default();
    for (class, held) in accounts {
        sums.add(*class, held.get().into());
    }
    sums
}

impl Holder for User {
    fn holdings(&self) -> TrialBalance {
        balance(&[
            (AccountClass::User, self.available),
            (AccountClass::Proceeds, self.unclaimed_sales()),
        ])
    }
}

impl Holder for Project {
    fn holdings(&self) -> TrialBalance {
        balance(&[(AccountClass::Budget, self.available)])
    }
}

impl Holder for Listing {
    fn holdings(&self) -> TrialBalance {
        balance(&[(AccountClass::Listing, self.due.total())])
    }
}

impl Holder for System {
    fn holdings(&self) -> TrialBalance {
        let mut sums = balance(&[
            (AccountClass::Burned, self.burned),
            (AccountClass::Treasury, self.treasury),
            (AccountClass::Pool, self.pool),
            (AccountClass::Stakers, self.stakers),
        ]);
        sums.add(AccountClass::Minted, i128::from(self.minted.get()).saturating_neg());
        sums
    }
}

/// An entity under test, which derefs to its state.
#[derive(Clone, Debug)]
pub(crate) struct UnderTest<M: Machine> {
    pub(crate) me: EntityId,
    pub(crate) entity: Entity<M>,
    pub(crate) now: Timestamp,
    /// The idempotency key of the next request.
    pub(crate) request: Option<RequestTag>,
    steps: u64,
}

impl<M: Machine> Deref for UnderTest<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.entity.machine
    }
}

impl<M: Machine> DerefMut for UnderTest<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.entity.machine
    }
}

/// The result of one step.
#[derive(Debug)]
pub(crate) struct Step<M: Machine, R = Infallible> {
    pub(crate) events: Vec<M::Event>,
    pub(crate) messages: Vec<OutgoingMessage>,
    pub(crate) answer: Answer<R>,
    pub(crate) completed: Option<(ReplyToken, End<M>)>,
    pub(crate) remembered: Option<(RequestTag, AnyReply<M>)>,
    pub(crate) raw_events: Vec<Arc<RawEvent>>,
}

impl<M: Machine, R> Step<M, R> {
    fn of(concluded: Concluded<M, R>) -> Self {
        let Concluded { entry, messages, answer, completed } = concluded;
        let none = Entry { events: Vec::new(), answered: None, raw_events: Vec::new() };
        let Entry { events, answered: remembered, raw_events } = entry.unwrap_or(none);
        Self { events, messages, answer, completed, remembered, raw_events }
    }

    /// The outcome of an earlier request that this step ends, as a reply of type `E`.
    pub(crate) fn ended<E: Clone + 'static>(&self) -> Option<Result<E, M::Refusal>> {
        let (_, outcome) = self.completed.as_ref()?;
        let reply = |reply: &AnyReply<M>| reply.get::<E>().expect("of this type").clone();
        Some(outcome.as_ref().map(reply).map_err(Clone::clone))
    }
}

impl<M: Holder> UnderTest<M> {
    /// An entity before its first entry.
    pub(crate) fn new(me: EntityId) -> Self {
        Self { me, entity: Entity::default(), now: NOW, request: None, steps: 1 }
    }

    /// Changes the state by hand.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut M)) -> Self {
        change(&mut self.entity.machine);
        self
    }

    pub(crate) fn context(&self) -> Context<'_> {
        let fresh = ulid(self.now, self.steps.saturating_mul(ULIDS_A_STEP));
        Context { me: &self.me, now: self.now, fresh, request: self.request }
    }

    /// Asks a command, and carries out what is decided.
    pub(crate) fn handle<C: Command<Machine = M>>(&mut self, command: C) -> Handled<M, C::Reply> {
        let handled = self.entity.handle(command, &self.context());
        if let Handled::Concluded(concluded) = &handled {
            self.carry_out(concluded.entry.as_ref());
        }
        handled
    }

    /// Asks a command that must be accepted.
    pub(crate) fn ask<C: Command<Machine = M>>(&mut self, command: C) -> Step<M, C::Reply> {
        match self.handle(command) {
            Handled::Concluded(concluded) => Step::of(concluded),
            other @ (Handled::Replayed(_)
            | Handled::Mismatch
            | Handled::TooManyAnswers
            | Handled::Refused(_)) => panic!("{other:?}"),
        }
    }

    /// Brings a message twice, and carries out what is decided: the second time nothing may be.
    pub(crate) fn hear(&mut self, from: &EntityId, message: Message) -> Step<M> {
        let request = self.request.take();
        let first = self.entity.receive(from.clone(), message.clone(), &self.context());
        self.carry_out(first.entry.as_ref());
        let second = self.entity.receive(from.clone(), message.clone(), &self.context());
        assert_eq!(second.entry, None, "{message:?} changes nothing the second time");
        assert!(second.completed.is_none(), "{message:?} ends a request once");
        let new = second.messages.iter().find(|message| !first.messages.contains(message));
        assert_eq!(new, None, "{message:?} is answered as it was the first time");
        self.request = request;
        Step::of(first)
    }

    /// Applies events at the entity's current time.
    pub(crate) fn apply(&mut self, events: &[M::Event]) {
        let entry = Entry { events: events.to_vec(), answered: None, raw_events: Vec::new() };
        self.carry_out(Some(&entry));
    }

    fn carry_out(&mut self, entry: Option<&Entry<M>>) {
        self.steps = self.steps.saturating_add(1);
        let Some(entry) = entry else { return };
        let mut expected = self.holdings();
        for posting in entry.events.iter().flat_map(|event| M::postings(&self.me, event)) {
            expected.post(&posting);
        }
        self.entity.apply(entry, self.now, Position::ZERO);
        let held = self.holdings();
        for class in AccountClass::ALL.into_iter().filter(|class| *class != AccountClass::InFlight)
        {
            assert_eq!(held.of(class), expected.of(class), "{class:?} after {:?}", entry.events);
        }
    }
}
