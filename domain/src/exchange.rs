//! The two ends of an exchange, as every machine keeps them.
//!
//! An exchange is a [`Transfer`] (money) or a [`Proposal`] (no money). Whoever opens it keeps it in
//! an [`Outbox`] until it is settled or returned; whoever decides on it remembers the decision in an
//! [`Inbox`] until the opener has ended it.

use std::collections::BTreeMap;
use std::fmt;

use crate::context::Asked;
use crate::context::Context;
use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::message::{Message, NotTaken, OutgoingMessage};
use crate::money::Micros;
use crate::proposal::Proposal;
use crate::reconciliation::TransferStep;
use crate::transfer::{PartId, Purpose, Transfer, UserPurpose};

/// The most exchanges that one entity may have open at once.
pub const MAX_OPEN: usize = 100_000;

/// What crosses from one entity to another: money, or a proposal without money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// An exchange that moves money.
    Transfer(Transfer),
    /// An exchange without money.
    Proposal(Proposal),
}

/// What an [`Outbox`] can hold: any [`Exchange`], or a [`Transfer`] where an entity never opens
/// anything else.
pub trait Sendable: Clone + fmt::Debug + Eq {
    /// The id by which both ends know it.
    fn id(&self) -> ExchangeId;

    /// The entity that is to accept it.
    fn to(&self) -> &EntityId;

    /// The money in it, in micros; 0 for a proposal.
    fn amount(&self) -> Micros;

    /// The part of a claim that it funds; `None` if it is for something else.
    fn part(&self) -> Option<PartId>;

    /// The message that brings it to its receiver, without the address.
    fn message(&self) -> Message;

    /// The message that brings it to its receiver, with the address.
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

impl Transfer {
    /// That it was opened.
    #[must_use]
    pub fn opened(&self) -> TransferStep {
        TransferStep::Opened { id: self.id, to: self.to.clone(), amount: self.amount }
    }

    /// That it was accepted, with the entity that sent it.
    #[must_use]
    pub fn accepted(&self, from: &EntityId) -> TransferStep {
        TransferStep::Accepted { id: self.id, from: from.clone(), amount: self.amount }
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

/// An exchange that was opened and has not ended, with the request that waits for its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open<T> {
    /// The exchange as it was opened.
    pub exchange: T,
    /// The request that waits for its end; `None` if nobody does, as for a payout.
    pub asked: Option<Asked>,
}

/// A transfer that was opened and has not ended.
pub type OpenTransfer = Open<Transfer>;

/// A transfer or a proposal that was opened and has not ended.
pub type OpenExchange = Open<Exchange>;

/// The exchanges that an entity has opened and that have not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox<T = Transfer> {
    // Boxed, and allocated only while it is not empty: most entities have nothing under way.
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
    /// Adds an exchange that was opened.
    pub fn open(&mut self, open: Open<T>) {
        let sent = self.sent.get_or_insert_default();
        let id = open.exchange.id();
        if let Some(part) = open.exchange.part() {
            sent.funding.insert(part, id);
        }
        sent.open.insert(id, open);
    }

    /// Removes an exchange that was settled or returned. `None` if it had ended before: in journals
    /// of the first releases a transfer may have been settled twice.
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

    /// The open transfer that funds a part of a claim.
    #[must_use]
    pub fn funding(&self, part: PartId) -> Option<&Open<T>> {
        self.get(*self.sent.as_ref()?.funding.get(&part)?)
    }

    /// The open exchange of this id.
    #[must_use]
    pub fn get(&self, id: ExchangeId) -> Option<&Open<T>> {
        self.sent.as_ref()?.open.get(&id)
    }

    /// The open exchange of this id, if this is the entity whose answer ends it.
    #[must_use]
    pub fn answered_by(&self, from: &EntityId, id: ExchangeId) -> Option<&Open<T>> {
        self.get(id).filter(|open| open.exchange.to() == from)
    }

    /// All open exchanges, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Open<T>> {
        self.sent.iter().flat_map(|sent| sent.open.values())
    }

    /// Whether no exchange is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_none()
    }

    /// Whether [`MAX_OPEN`] is reached, so that no more may be opened.
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

    /// The money in all open exchanges, in micros.
    #[must_use]
    pub fn in_flight(&self) -> Micros {
        self.iter().fold(Micros::ZERO, |sum, open| sum.saturating_add(open.exchange.amount()))
    }

    /// The offers of all open exchanges, to be sent again.
    pub fn offers(&self) -> impl Iterator<Item = OutgoingMessage> {
        self.iter().map(|open| open.exchange.offer())
    }

    /// The memory that the outbox takes on the heap, in bytes, roughly.
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

/// The number of remembered exchanges from which on a receiver refuses all others. Their refusals
/// are remembered too, so what bounds an inbox is what openers may have open.
pub const MAX_RECEIVED: usize = 1_000_000;

/// The exchanges on which an entity has decided and whose openers have not yet ended them. As long
/// as it remembers one it answers every repeat as it did the first time.
///
/// They leave when their openers say that they have ended, so memory is bounded by what is open, and
/// not by time or traffic. What comes later still is found out by asking: [`crate::confirm`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    // Boxed, and allocated only while it is not empty: most users have nothing in it.
    #[expect(clippy::box_collection, reason = "one word where a map takes three")]
    received: Option<Box<BTreeMap<ExchangeId, Received>>>,
}

/// An exchange that was decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The id that the opener gave it.
    pub id: ExchangeId,
    /// The entity that opened it.
    pub from: EntityId,
    /// The reason for refusing it; `None` if it was accepted.
    pub refused: Option<NotTaken>,
}

impl Inbox {
    /// Remembers an exchange that was accepted, with the entity that opened it.
    pub fn accept(&mut self, id: ExchangeId, from: EntityId) {
        self.remember(Received { id, from, refused: None });
    }

    /// Remembers an exchange that was refused, with the entity that opened it.
    pub fn refuse(&mut self, id: ExchangeId, from: EntityId, why: NotTaken) {
        self.remember(Received { id, from, refused: Some(why) });
    }

    fn remember(&mut self, received: Received) {
        self.received.get_or_insert_default().insert(received.id, received);
    }

    /// Forgets an exchange that has ended.
    pub fn forget(&mut self, id: ExchangeId) {
        let Some(received) = &mut self.received else { return };
        received.remove(&id);
        if received.is_empty() {
            self.received = None;
        }
    }

    /// What is remembered of an exchange.
    #[must_use]
    pub fn get(&self, id: ExchangeId) -> Option<&Received> {
        self.received.as_ref()?.get(&id)
    }

    /// Whether an exchange was decided on and is still remembered.
    #[must_use]
    pub fn has(&self, id: ExchangeId) -> bool {
        self.get(id).is_some()
    }

    /// Whether an exchange is remembered as one that this entity opened.
    #[must_use]
    pub fn is_from(&self, opener: &EntityId, id: ExchangeId) -> bool {
        self.get(id).is_some_and(|received| received.from == *opener)
    }

    /// Whether [`MAX_RECEIVED`] is reached, so that no more can be accepted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.received.as_ref().is_some_and(|received| received.len() >= MAX_RECEIVED)
    }

    /// All remembered exchanges, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().flat_map(|received| received.values())
    }

    /// The answers to send again, for a machine whose acceptances say no more than that: openers
    /// then say that they have ended the exchange.
    pub fn answers(&self) -> impl Iterator<Item = OutgoingMessage> {
        self.iter().map(Received::answer)
    }

    /// The memory that the inbox takes on the heap, in bytes, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.received.as_ref().map_or(0, |received| {
            let each = size_of::<(ExchangeId, Received)>();
            size_of::<BTreeMap<ExchangeId, Received>>()
                .saturating_add(received.len().saturating_mul(each))
        })
    }
}

impl Received {
    /// The answer to a repeat: the first one again.
    #[must_use]
    pub fn answer(&self) -> OutgoingMessage {
        match self.refused {
            Some(why) => refused(self.id, self.from.clone(), why),
            None => accepted(self.id, self.from.clone()),
        }
    }
}

impl FromIterator<Received> for Inbox {
    fn from_iter<I: IntoIterator<Item = Received>>(received: I) -> Self {
        let received: BTreeMap<_, _> =
            received.into_iter().map(|received| (received.id, received)).collect();
        Self { received: (!received.is_empty()).then(|| Box::new(received)) }
    }
}

/// The message that tells an exchange's opener that it was accepted.
#[must_use]
pub fn accepted(exchange: ExchangeId, to: EntityId) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Accepted { exchange, summary: None } }
}

/// The message that tells an exchange's opener that it was refused.
#[must_use]
pub fn refused(exchange: ExchangeId, to: EntityId, why: NotTaken) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Refused { exchange, why } }
}

/// The message that tells an exchange's receiver that it has ended.
#[must_use]
pub fn forget(exchange: ExchangeId, to: EntityId) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Forget { exchange } }
}

/// The message that tells a claimant that nothing funds a part of their claim.
#[must_use]
pub fn unfunded(part: PartId, to: EntityId) -> OutgoingMessage {
    OutgoingMessage { to, message: Message::Unfunded { part } }
}

/// The effect of acceptances and of notices to forget, without the ends of waiting requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bookkeeping {
    /// The open exchanges that were accepted, to be settled.
    pub settled: Vec<ExchangeId>,
    /// The exchanges that their openers have ended, to be forgotten.
    pub forgotten: Vec<ExchangeId>,
    /// The answers to the acceptances.
    pub messages: Vec<OutgoingMessage>,
}

impl Bookkeeping {
    /// The effect of messages on the entity that has this outbox and this inbox.
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
                    if outbox.answered_by(from, *exchange).is_some()
                        && !kept.settled.contains(exchange)
                    {
                        kept.settled.push(*exchange);
                    }
                    // Also if it was settled before: the receiver asks because it doesn't know.
                    kept.messages.push(forget(*exchange, from.clone()));
                }
                Message::Forget { exchange } if inbox.is_from(from, *exchange) => {
                    if !kept.forgotten.contains(exchange) {
                        kept.forgotten.push(*exchange);
                    }
                }
                Message::Forget { .. }
                | Message::Fund { .. }
                | Message::Unfunded { .. }
                | Message::Offer(_)
                | Message::Propose(_)
                | Message::Refused { .. }
                | Message::Confirm { .. }
                | Message::Confirmed { .. }
                | Message::Closed { .. } => {}
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ClaimId;
    use crate::market::Fees;
    use crate::market::{ListingStatus, Proceeds};
    use crate::reply::ReplyToken;
    use crate::testing::{
        UnderTest, asked, exchange_id, fill, full_inbox, listing, micros, nearly_full_inbox,
        order_of, other_body, person, project, proposal, rating, system, tag, transfer, user,
    };
    use crate::user::User;

    fn part(part: u32) -> PartId {
        PartId { claim: ClaimId::new(1), part }
    }

    fn funds(id: u64, n: u32) -> Transfer {
        transfer(id, person("ada"), 5, Purpose::ToUser(UserPurpose::Claim(part(n))))
    }

    fn open(exchange: Transfer) -> OpenTransfer {
        OpenTransfer { exchange, asked: None }
    }

    fn rates(id: u64) -> Proposal {
        proposal(id, 1, rating(1, 5))
    }

    #[test]
    fn an_exchange_says_what_it_is() {
        let sold = Proceeds { sales: 1, status: ListingStatus::Active };
        let to_user = Purpose::ToUser;
        // The purpose; the part of a claim that it funds.
        let rows = [
            (to_user(UserPurpose::Claim(part(3))), Some(part(3))),
            (to_user(UserPurpose::Grant), None),
            (to_user(UserPurpose::Link(Box::default())), None),
            (to_user(UserPurpose::Proceeds(sold)), None),
            (Purpose::Budget, None),
            (Purpose::Fees(Fees::default()), None),
            (Purpose::Order(Box::new(order_of(1))), None),
        ];
        for (purpose, part) in rows {
            let transfer = transfer(7, project(1), 5, purpose);
            let exchange = Exchange::Transfer(transfer.clone());
            let offer =
                OutgoingMessage { to: project(1), message: Message::Offer(transfer.clone()) };
            assert_eq!(exchange.offer(), offer);
            assert_eq!(transfer.offer(), offer);
            assert_eq!((exchange.id(), transfer.id()), (exchange_id(7), exchange_id(7)));
            assert_eq!((exchange.to(), transfer.to()), (&project(1), &project(1)));
            assert_eq!((exchange.amount(), transfer.amount()), (micros(5), micros(5)));
            assert_eq!((exchange.part(), transfer.part()), (part, part));
        }
        let exchange = Exchange::Proposal(rates(7));
        let message = Message::Propose(rates(7));
        assert_eq!(exchange.offer(), OutgoingMessage { to: listing(1), message });
        assert_eq!((exchange.id(), exchange.to()), (exchange_id(7), &listing(1)));
        assert_eq!((exchange.amount(), exchange.part()), (micros(0), None));
    }

    #[test]
    fn what_is_open_is_found_until_it_is_closed() {
        let mut outbox = Outbox::default();
        assert!(outbox.is_empty());
        outbox.open(open(funds(2, 0)));
        outbox.open(open(funds(1, 1)));
        assert!(!outbox.is_empty());
        assert_eq!(outbox.get(exchange_id(2)), Some(&open(funds(2, 0))));
        assert_eq!(outbox.get(exchange_id(3)), None);
        assert_eq!(outbox.funding(part(1)), Some(&open(funds(1, 1))));
        assert_eq!(outbox.funding(part(2)), None);
        assert!(outbox.iter().eq([&open(funds(1, 1)), &open(funds(2, 0))]), "by id");
        assert_eq!(outbox.in_flight(), micros(10));
        assert!(outbox.offers().eq([funds(1, 1).offer(), funds(2, 0).offer()]));
        let copy: Outbox = outbox.iter().cloned().collect();
        assert_eq!(copy, outbox);

        assert_eq!(outbox.close(exchange_id(1)), Some(open(funds(1, 1))));
        assert_eq!(outbox.close(exchange_id(1)), None);
        assert_eq!(outbox.funding(part(1)), None);
        assert_eq!(outbox.funding(part(0)), Some(&open(funds(2, 0))));
        assert_eq!(outbox.close(exchange_id(2)), Some(open(funds(2, 0))));
        assert_eq!(outbox, Outbox::default(), "empty, it takes no memory");
        assert_eq!(outbox.close(exchange_id(2)), None);
        assert_eq!((outbox.get(exchange_id(2)), outbox.in_flight()), (None, micros(0)));
    }

    #[test]
    fn sums_in_flight_end_at_the_top_of_the_range() {
        let all = |id| open(transfer(id, project(1), u64::MAX, Purpose::Budget));
        let outbox: Outbox = [all(1), all(2)].into_iter().collect();
        assert_eq!(outbox.in_flight(), micros(u64::MAX));
    }

    #[test]
    fn so_many_may_be_open() {
        // Already open; whether no more may be.
        for (count, is_full) in [(0, false), (MAX_OPEN - 1, false), (MAX_OPEN, true)] {
            let mut outbox = Outbox::default();
            fill(&mut outbox, count, |transfer| transfer);
            assert_eq!(outbox.is_full(), is_full, "{count}");
        }
    }

    #[test]
    fn a_request_is_under_way_by_its_key() {
        // The tags of what is open, the tag that comes; whether it is under way.
        let rows = [
            (vec![], Some(tag(1)), false),
            (vec![asked(tag(1))], Some(tag(1)), true),
            (vec![asked(tag(1))], Some(other_body(tag(1))), true),
            (vec![asked(tag(1))], Some(tag(2)), false),
            (vec![asked(tag(1)), asked(tag(2)), None], Some(tag(2)), true),
            (vec![None], Some(tag(1)), false),
            (vec![Some(Asked { reply_token: ReplyToken(1), request: None })], Some(tag(1)), false),
            (vec![asked(tag(1)), None], None, false),
        ];
        for (place, (open, request, expected)) in rows.into_iter().enumerate() {
            let ids = 1..;
            let outbox: Outbox =
                ids.zip(open).map(|(id, asked)| Open { exchange: funds(id, 0), asked }).collect();
            let ada: UnderTest<User> = user("ada");
            let context = Context { request, ..ada.context() };
            assert_eq!(outbox.is_busy_with(&context), expected, "row {place}");
        }
    }

    #[test]
    fn who_asks_is_found_by_token_and_key() {
        let ada: UnderTest<User> = user("ada");
        let context = Context { request: Some(tag(1)), ..ada.context() };
        let expected = Asked { reply_token: ReplyToken(context.fresh), request: Some(tag(1)) };
        assert_eq!(Asked::by(&context), expected);
    }

    fn took(ids: &[u64]) -> Inbox {
        let mut inbox = Inbox::default();
        ids.iter().for_each(|id| inbox.accept(exchange_id(*id), system()));
        inbox
    }

    #[test]
    fn what_was_decided_is_remembered_until_it_has_ended() {
        let mut inbox = took(&[2, 1]);
        inbox.refuse(exchange_id(3), person("ada"), NotTaken::Busy);
        let ids = [1, 2, 3].map(exchange_id);
        assert!(inbox.iter().map(|received| received.id).eq(ids), "oldest first");
        let answers = [
            accepted(exchange_id(1), system()),
            accepted(exchange_id(2), system()),
            refused(exchange_id(3), person("ada"), NotTaken::Busy),
        ];
        assert!(inbox.answers().eq(answers));
        assert!(ids.iter().all(|id| inbox.has(*id)) && !inbox.has(exchange_id(4)));
        let refusal = inbox.get(exchange_id(3)).expect("it was refused");
        assert_eq!((&refusal.from, refusal.refused), (&person("ada"), Some(NotTaken::Busy)));
        let copy: Inbox = inbox.iter().cloned().collect();
        assert_eq!(copy, inbox);
        assert_eq!(Inbox::from_iter([]), Inbox::default());

        inbox.forget(exchange_id(4));
        inbox.forget(exchange_id(2));
        assert!(inbox.iter().map(|received| received.id).eq([1, 3].map(exchange_id)));
        inbox.forget(exchange_id(1));
        inbox.forget(exchange_id(3));
        assert_eq!(inbox, Inbox::default(), "empty, it takes no memory");
        inbox.forget(exchange_id(3));
        assert_eq!(inbox, Inbox::default());
    }

    #[test]
    fn so_many_are_remembered() {
        assert!(!Inbox::default().is_full());
        let mut inbox = nearly_full_inbox();
        assert!(!inbox.is_full());
        inbox.accept(ExchangeId::new(1), system());
        assert!(inbox.is_full() && full_inbox().is_full());
        assert_eq!(inbox.iter().count(), MAX_RECEIVED);
    }

    #[test]
    fn memory_is_counted_by_what_is_there() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.heap_bytes(), 0);
        let mut sizes = Vec::new();
        for id in 1..4 {
            outbox.open(open(funds(id, 0)));
            sizes.push(outbox.heap_bytes());
        }
        let each = size_of::<(ExchangeId, OpenTransfer)>();
        let own = size_of::<Sent<Transfer>>();
        assert_eq!(sizes, [own + each, own + 2 * each, own + 3 * each]);
        assert_eq!(Inbox::default().heap_bytes(), 0);
        let own = size_of::<BTreeMap<ExchangeId, Received>>();
        let each = size_of::<(ExchangeId, Received)>();
        assert_eq!(took(&[1, 2]).heap_bytes(), own + 2 * each);
    }

    #[test]
    fn bookkeeping_settles_and_forgets_once_and_answers_always() {
        let outbox: Outbox = [open(funds(1, 0)), open(funds(2, 1))].into_iter().collect();
        let mut inbox = took(&[7, 8, 9]);
        inbox.forget(exchange_id(9));
        let accepts =
            |n| (person("ada"), Message::Accepted { exchange: exchange_id(n), summary: None });
        let forgets = |n| (system(), Message::Forget { exchange: exchange_id(n) });
        let why = NotTaken::Busy;
        // What comes; what is settled, what is forgotten, whose acceptance is answered.
        type Row<'a> = (Vec<(EntityId, Message)>, &'a [u64], &'a [u64], &'a [u64]);
        let rows: [Row<'_>; 8] = [
            (vec![], &[], &[], &[]),
            (vec![accepts(1)], &[1], &[], &[1]),
            (vec![accepts(2), accepts(1)], &[2, 1], &[], &[2, 1]),
            (vec![accepts(1), accepts(1)], &[1], &[], &[1, 1]),
            (vec![accepts(3)], &[], &[], &[3]),
            (vec![forgets(7), accepts(1), forgets(8), forgets(7)], &[1], &[7, 8], &[1]),
            // Settled before, or never accepted.
            (vec![forgets(9), forgets(6)], &[], &[], &[]),
            (
                vec![
                    (system(), Message::Offer(funds(1, 0))),
                    (system(), Message::Propose(rates(1))),
                    (system(), Message::Refused { exchange: exchange_id(1), why }),
                    (system(), Message::Fund { part: part(0), amount: micros(5) }),
                    (system(), Message::Unfunded { part: part(0) }),
                    (system(), Message::Confirm { exchange: exchange_id(1), number: 1 }),
                    (system(), Message::Closed { exchange: exchange_id(1) }),
                ],
                &[],
                &[],
                &[],
            ),
        ];
        let named = |ids: &[u64]| ids.iter().map(|id| exchange_id(*id)).collect::<Vec<_>>();
        for (messages, settled, forgotten, answered) in rows {
            let expected = Bookkeeping {
                settled: named(settled),
                forgotten: named(forgotten),
                messages: answered
                    .iter()
                    .map(|id| forget(exchange_id(*id), person("ada")))
                    .collect(),
            };
            assert_eq!(Bookkeeping::of(&outbox, &inbox, &messages), expected, "{messages:?}");
        }
    }

    #[test]
    fn answers_have_their_address() {
        let (id, to) = (exchange_id(1), person("ada"));
        let message = |message| OutgoingMessage { to: person("ada"), message };
        let summary = None;
        assert_eq!(accepted(id, to.clone()), message(Message::Accepted { exchange: id, summary }));
        let why = NotTaken::Busy;
        assert_eq!(refused(id, to.clone(), why), message(Message::Refused { exchange: id, why }));
        assert_eq!(forget(id, to.clone()), message(Message::Forget { exchange: id }));
        assert_eq!(unfunded(part(1), to), message(Message::Unfunded { part: part(1) }));
    }
}
