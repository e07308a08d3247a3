//! Both ends of an exchange, as every machine keeps them.
//!
//! An exchange is a [`Transfer`] (money) or a [`Proposal`] (no money). Whoever opens it keeps it in
//! an [`Outbox`] until it is settled or returned; whoever accepts it remembers that in an [`Inbox`]
//! as long as it may be asked again.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::answers::RequestTag;
use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::machine::{Context, OutgoingMessage, ReplyToken};
use crate::message::{Message, NotTaken};
use crate::money::Micros;
use crate::proposal::Proposal;
use crate::time::Timestamp;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

/// Exchanges that one entity may have open at once.
pub const MAX_OPEN: usize = 100_000;

/// What crosses from one entity to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Money.
    Transfer(Transfer),
    /// Something without money.
    Proposal(Proposal),
}

/// What an [`Outbox`] can hold: any [`Exchange`], or, where nothing else is ever sent, a
/// [`Transfer`].
pub trait Sendable: Clone + fmt::Debug + Eq {
    /// Names it to both sides.
    fn id(&self) -> ExchangeId;

    /// Who is to accept it.
    fn to(&self) -> &EntityId;

    /// The money in it; 0 for a proposal.
    fn amount(&self) -> Micros;

    /// The part of a claim that it funds, if it does.
    fn part(&self) -> Option<PartId>;

    /// The message that brings it to its receiver.
    fn message(&self) -> Message;

    /// That message, with its address.
    fn offer(&self) -> OutgoingMessage {
        OutgoingMessage { to: self.to().clone(), message: self.message() }
    }
}

impl Sendable for Transfer {
    fn id(&self) -> ExchangeId {
        self.id
    }

    fn to(&self) -> &EntityId {
        &self.to
    }

    fn amount(&self) -> Micros {
        self.amount
    }

    fn part(&self) -> Option<PartId> {
        match self.purpose {
            Purpose::ToUser(UserPurpose::Claim(part)) => Some(part),
            Purpose::ToUser(
                UserPurpose::Grant | UserPurpose::Link(_) | UserPurpose::Proceeds(_),
            )
            | Purpose::Budget
            | Purpose::Fees(_)
            | Purpose::Order(_) => None,
        }
    }

    fn message(&self) -> Message {
        Message::Offer(self.clone())
    }
}

impl Sendable for Exchange {
    fn id(&self) -> ExchangeId {
        match self {
            Self::Transfer(transfer) => transfer.id,
            Self::Proposal(proposal) => proposal.id,
        }
    }

    fn to(&self) -> &EntityId {
        match self {
            Self::Transfer(transfer) => &transfer.to,
            Self::Proposal(proposal) => &proposal.to,
        }
    }

    fn amount(&self) -> Micros {
        match self {
            Self::Transfer(transfer) => transfer.amount,
            Self::Proposal(_) => Micros::ZERO,
        }
    }

    fn part(&self) -> Option<PartId> {
        match self {
            Self::Transfer(transfer) => transfer.part(),
            Self::Proposal(_) => None,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::Transfer(transfer) => transfer.message(),
            Self::Proposal(proposal) => Message::Propose(proposal.clone()),
        }
    }
}

/// An exchange on its way, and who waits for its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open<T> {
    /// What is on its way.
    pub exchange: T,
    /// The request that waits for it.
    pub asked: Option<Asked>,
}

/// A transfer on its way.
pub type OpenTransfer = Open<Transfer>;

/// An exchange on its way.
pub type OpenExchange = Open<Exchange>;

/// Someone who waits, across a crash if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Finds the waiting request in this process.
    pub reply_token: ReplyToken,
    /// The tag under which the answer is remembered.
    pub request: Option<RequestTag>,
}

impl Asked {
    /// The request that is being decided.
    #[must_use]
    pub fn by(context: &Context<'_>) -> Self {
        Self { reply_token: ReplyToken(context.fresh), request: context.request }
    }
}

/// What an entity has opened and not yet settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox<T = Transfer> {
    // Boxed, and there only while it is not empty: most entities have nothing under way.
    sent: Option<Box<Sent<T>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent<T> {
    open: BTreeMap<ExchangeId, Open<T>>,
    funding: BTreeMap<PartId, ExchangeId>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { sent: None }
    }
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), funding: BTreeMap::new() }
    }
}

impl<T: Sendable> Outbox<T> {
    /// Adds one that was opened.
    pub fn open(&mut self, open: Open<T>) {
        let sent = self.sent.get_or_insert_default();
        let id = open.exchange.id();
        if let Some(part) = open.exchange.part() {
            sent.funding.insert(part, id);
        }
        sent.open.insert(id, open);
    }

    /// Removes one that was settled or returned. `None` if it has ended before: journals of the
    /// first releases may say twice that a transfer was settled.
    pub fn close(&mut self, id: ExchangeId) -> Option<Open<T>> {
        let sent = self.sent.as_mut()?;
        let open = sent.open.remove(&id)?;
        if let Some(part) = open.exchange.part() {
            sent.funding.remove(&part);
        }
        if sent.open.is_empty() {
            self.sent = None;
        }
        Some(open)
    }

    /// The one that funds a part of a claim.
    #[must_use]
    pub fn funding(&self, part: PartId) -> Option<&Open<T>> {
        self.get(*self.sent.as_ref()?.funding.get(&part)?)
    }

    /// The open exchange of this id.
    #[must_use]
    pub fn get(&self, id: ExchangeId) -> Option<&Open<T>> {
        self.sent.as_ref()?.open.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Open<T>> {
        self.sent.iter().flat_map(|sent| sent.open.values())
    }

    /// Whether nothing is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_none()
    }

    /// Whether no more may be opened.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.open.len() >= MAX_OPEN)
    }

    /// Whether a request with the same idempotency key as the one being decided is under way.
    #[must_use]
    pub fn is_busy_with(&self, context: &Context<'_>) -> bool {
        let Some(tag) = context.request else { return false };
        let mut asked = self.iter().filter_map(|open| open.asked?.request);
        asked.any(|request| request.key == tag.key)
    }

    /// The money that is in flight, in micros.
    #[must_use]
    pub fn in_flight(&self) -> Micros {
        self.iter().fold(Micros::ZERO, |sum, open| sum.saturating_add(open.exchange.amount()))
    }

    /// The offers, to be made again.
    pub fn offers(&self) -> impl Iterator<Item = OutgoingMessage> {
        self.iter().map(|open| open.exchange.offer())
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.sent.as_ref().map_or(0, |sent| {
            let each = size_of::<(ExchangeId, Open<T>)>();
            sent.open.len().saturating_mul(each).saturating_add(size_of::<Sent<T>>())
        })
    }
}

impl<T: Sendable> FromIterator<Open<T>> for Outbox<T> {
    fn from_iter<I: IntoIterator<Item = Open<T>>>(open: I) -> Self {
        let mut outbox = Self::default();
        for open in open {
            outbox.open(open);
        }
        outbox
    }
}

/// Milliseconds for which an offer that was not asked for is good, and for which it is remembered
/// once accepted: a doubled offer that comes late finds either the memory of the first or is too
/// old.
pub const OFFER_GOOD_MILLIS: i64 = 600_000;

/// Exchanges that a receiver remembers at most; then it accepts no more until it may forget some.
pub const MAX_RECEIVED: usize = 1_000_000;

/// Remembered exchanges from which on those that may be forgotten are looked for everywhere, each
/// time that their number has doubled.
const SWEEP_FROM: usize = 64;

/// What a receiver has accepted and may be asked about again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Sorted by id, hence by age: what may be forgotten is mostly in front and what comes is
    /// appended at the back, so that one who accepts thousands a second does little for each.
    // Boxed, and there only while it is not empty: most users have accepted nothing.
    #[expect(clippy::box_collection, reason = "one word where a queue takes four")]
    received: Option<Box<VecDeque<Received>>>,
}

/// An exchange that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Names it.
    pub id: ExchangeId,
    /// Who opened it.
    pub from: EntityId,
    /// Whether the receiver had asked for it: then its own state tells whether it came.
    pub asked_for: bool,
    /// Whether its opener has settled it.
    pub settled: bool,
}

impl Received {
    fn may_be_forgotten(&self, at: Timestamp) -> bool {
        self.settled && (self.asked_for || !is_good(self.id, at))
    }
}

impl Inbox {
    /// Remembers that one was accepted, and from whom.
    pub fn take(&mut self, id: ExchangeId, from: EntityId, asked_for: bool, at: Timestamp) {
        let queue = self.received.get_or_insert_default();
        if queue.len() >= SWEEP_FROM && queue.len().is_power_of_two() {
            queue.retain(|received| !received.may_be_forgotten(at));
        }
        while queue.front().is_some_and(|oldest| oldest.may_be_forgotten(at)) {
            queue.pop_front();
        }
        let place = queue.partition_point(|received| received.id < id);
        queue.insert(place, Received { id, from, asked_for, settled: false });
    }

    /// Forgets one that its opener has settled, at once or when a late repeat would be too old.
    pub fn forget(&mut self, id: ExchangeId, at: Timestamp) {
        let Some(queue) = &mut self.received else { return };
        let Some(place) = place(queue, id) else { return };
        let Some(received) = queue.get_mut(place) else { return };
        received.settled = true;
        if received.may_be_forgotten(at) {
            queue.remove(place);
        }
        if queue.is_empty() {
            self.received = None;
        }
    }

    fn get(&self, id: ExchangeId) -> Option<&Received> {
        let queue = self.received.as_ref()?;
        queue.get(place(queue, id)?)
    }

    /// Whether no more can be remembered.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.received.as_ref().is_some_and(|queue| queue.len() >= MAX_RECEIVED)
    }

    /// Whether it was accepted, as far as it is remembered.
    #[must_use]
    pub fn has(&self, id: ExchangeId) -> bool {
        self.get(id).is_some()
    }

    /// Whether it was accepted and not yet settled.
    #[must_use]
    pub fn waits_for(&self, id: ExchangeId) -> bool {
        self.get(id).is_some_and(|received| !received.settled)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().flat_map(|queue| queue.iter())
    }

    /// Those whose openers are to be told again that they were accepted: they settle, or say that
    /// they have.
    pub fn unsettled(&self) -> impl Iterator<Item = &Received> {
        self.iter().filter(|received| !received.settled)
    }

    /// What to tell those openers, where the fact says it all.
    pub fn acceptances(&self) -> impl Iterator<Item = OutgoingMessage> {
        self.unsettled().map(|received| accepted(received.id, received.from.clone()))
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.received.as_ref().map_or(0, |queue| {
            let list = queue.capacity().saturating_mul(size_of::<Received>());
            size_of::<VecDeque<Received>>().saturating_add(list)
        })
    }
}

fn place(queue: &VecDeque<Received>, id: ExchangeId) -> Option<usize> {
    queue.binary_search_by(|received| received.id.cmp(&id)).ok()
}

impl FromIterator<Received> for Inbox {
    fn from_iter<I: IntoIterator<Item = Received>>(received: I) -> Self {
        let mut received: Vec<Received> = received.into_iter().collect();
        received.sort_by_key(|received| received.id);
        Self { received: (!received.is_empty()).then(|| Box::new(received.into())) }
    }
}

/// Whether an exchange that was not asked for may be accepted at `now`.
#[must_use]
pub fn is_good(id: ExchangeId, now: Timestamp) -> bool {
    now.millis_since(id.made_at()) <= OFFER_GOOD_MILLIS
}

/// The message that tells its opener that an exchange was accepted.
#[must_use]
pub fn accepted(exchange: ExchangeId, to: EntityId) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Accepted { exchange, summary: None } }
}

/// The message that tells its opener that an exchange was not accepted.
#[must_use]
pub fn refused(exchange: ExchangeId, to: EntityId, why: NotTaken) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Refused { exchange, why } }
}

/// The message that tells its receiver that an exchange was settled.
#[must_use]
pub fn forget(exchange: ExchangeId, to: EntityId) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Forget { exchange } }
}

/// The message that tells a claimant that nothing funds a part of their claim.
#[must_use]
pub fn unfunded(part: PartId, to: EntityId) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Unfunded { part } }
}

/// What bookkeeping messages come to, for a machine whose openings nobody waits for: acceptances
/// settle, and what was settled is forgotten.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bookkeeping {
    /// Open exchanges that were accepted.
    pub settled: Vec<ExchangeId>,
    /// Accepted exchanges that were settled.
    pub forgotten: Vec<ExchangeId>,
    /// Answers to the acceptances.
    pub messages: Vec<OutgoingMessage>,
}

impl Bookkeeping {
    /// Of messages to whoever has this outbox and this inbox.
    pub fn of<T: Sendable>(
        outbox: &Outbox<T>,
        inbox: &Inbox,
        messages: &[(EntityId, Message)],
    ) -> Self {
        let mut kept = Self::default();
        for (from, message) in messages {
            match message {
                Message::Accepted { exchange, .. } => {
                    // An acceptance that comes twice before the entry is written settles once.
                    if outbox.get(*exchange).is_some() && !kept.settled.contains(exchange) {
                        kept.settled.push(*exchange);
                    }
                    // Also where it was settled before: the receiver asks because it doesn't know.
                    kept.messages.push(forget(*exchange, from.clone()));
                }
                Message::Forget { exchange } if inbox.waits_for(*exchange) => {
                    if !kept.forgotten.contains(exchange) {
                        kept.forgotten.push(*exchange);
                    }
                }
                Message::Forget { .. }
                | Message::Fund { .. }
                | Message::Unfunded { .. }
                | Message::Offer(_)
                | Message::Propose(_)
                | Message::Refused { .. } => {}
            }
        }
        kept
    }
}
