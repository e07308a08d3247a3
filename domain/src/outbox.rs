//! Both ends of transfers, as every machine keeps them.
//!
//! [`Outbox`] is the payer's: what it has opened and not yet settled. [`Inbox`] is the payee's:
//! what it has taken and the payer may still ask about.

use std::collections::{BTreeMap, VecDeque};

use crate::answers::RequestTag;
use crate::entity::EntityId;
use crate::id::TransferId;
use crate::machine::{OutgoingMessage, ReplyToken};
use crate::message::{Message, NotTaken, PartId, Purpose, Transfer};
use crate::money::Micros;
use crate::time::Timestamp;

/// Transfers that one entity may have open at once.
pub const MAX_OPEN: usize = 100_000;

/// A transfer on its way, and who waits for its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// The request that waits for it.
    pub asked: Option<Asked>,
}

/// Someone who waits, across a crash if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// By which the waiting request is found.
    pub reply_token: ReplyToken,
    /// Under which the answer is remembered.
    pub request: Option<RequestTag>,
}

/// What a payer has sent and not yet settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    // Boxed, and there only while it is not empty: most entities have nothing under way.
    sent: Option<Box<Sent>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sent {
    open: BTreeMap<TransferId, OpenTransfer>,
    funding: BTreeMap<PartId, TransferId>,
}

impl Outbox {
    /// Adds one that was opened.
    pub fn open(&mut self, open: OpenTransfer) {
        let sent = self.sent.get_or_insert_default();
        if let Purpose::Claim(part) = open.transfer.purpose {
            sent.funding.insert(part, open.transfer.id);
        }
        sent.open.insert(open.transfer.id, open);
    }

    /// Removes one that has ended.
    pub fn close(&mut self, id: TransferId) -> Option<OpenTransfer> {
        let sent = self.sent.as_mut()?;
        let open = sent.open.remove(&id)?;
        if let Purpose::Claim(part) = open.transfer.purpose {
            sent.funding.remove(&part);
        }
        if sent.open.is_empty() {
            self.sent = None;
        }
        Some(open)
    }

    /// The one that funds a part of a claim.
    #[must_use]
    pub fn funding(&self, part: PartId) -> Option<&OpenTransfer> {
        self.get(*self.sent.as_ref()?.funding.get(&part)?)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: TransferId) -> Option<&OpenTransfer> {
        self.sent.as_ref()?.open.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &OpenTransfer> {
        self.sent.iter().flat_map(|sent| sent.open.values())
    }

    /// Whether no more may be opened.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.open.len() >= MAX_OPEN)
    }

    /// What is in flight.
    #[must_use]
    pub fn in_flight(&self) -> Micros {
        self.iter().fold(Micros::ZERO, |sum, open| sum.saturating_add(open.transfer.amount))
    }

    /// The offers, to be made again.
    pub fn offers(&self) -> impl Iterator<Item = OutgoingMessage> {
        self.iter().map(|open| offer(&open.transfer))
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.sent.as_ref().map_or(0, |sent| {
            let each = size_of::<(TransferId, OpenTransfer)>();
            sent.open.len().saturating_mul(each).saturating_add(size_of::<Sent>())
        })
    }
}

/// The message that offers a transfer.
#[must_use]
pub fn offer(transfer: &Transfer) -> OutgoingMessage {
    OutgoingMessage { to: transfer.to.clone(), message: Message::Offer(transfer.clone()) }
}

/// Milliseconds for which an offer that was not asked for is good, and for which it is remembered
/// once taken: a doubled offer that comes late finds either the memory of the first or is too old.
pub const OFFER_GOOD_MILLIS: i64 = 600_000;

/// Transfers that a payee remembers at most; then it takes no more until it may forget some.
pub const MAX_TAKEN: usize = 1_000_000;

/// Received transfers from which on those that may be forgotten are looked for everywhere, each time
/// that their number has doubled.
const SWEEP_FROM: usize = 64;

/// What a payee has taken and the payer may ask about again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// By id, which is by age: what may be forgotten is mostly in front, and what comes goes to
    /// the end, so that one who takes thousands a second does little for each.
    // Boxed, and there only while it is not empty: most users have taken nothing.
    #[expect(clippy::box_collection, reason = "one word where a queue takes four")]
    taken: Option<Box<VecDeque<Received>>>,
}

/// A transfer that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which.
    pub id: TransferId,
    /// Who sent it.
    pub from: EntityId,
    /// Whether the payee had asked for it: then its own state tells whether it came.
    pub asked_for: bool,
    /// Whether the payer has settled it.
    pub settled: bool,
}

impl Received {
    fn may_be_forgotten(&self, at: Timestamp) -> bool {
        self.settled && (self.asked_for || !is_good(self.id, at))
    }
}

impl Inbox {
    /// Remembers that one was taken, and from whom.
    pub fn take(&mut self, id: TransferId, from: EntityId, asked_for: bool, at: Timestamp) {
        let queue = self.taken.get_or_insert_default();
        if queue.len() >= SWEEP_FROM && queue.len().is_power_of_two() {
            queue.retain(|taken| !taken.may_be_forgotten(at));
        }
        while queue.front().is_some_and(|oldest| oldest.may_be_forgotten(at)) {
            queue.pop_front();
        }
        let place = queue.partition_point(|taken| taken.id < id);
        queue.insert(place, Received { id, from, asked_for, settled: false });
    }

    /// Forgets one that its payer has settled, at once or when a late repeat would be too old.
    pub fn forget(&mut self, id: TransferId, at: Timestamp) {
        let Some(queue) = &mut self.taken else { return };
        let Some(place) = place(queue, id) else { return };
        let Some(taken) = queue.get_mut(place) else { return };
        taken.settled = true;
        if taken.may_be_forgotten(at) {
            queue.remove(place);
        }
        if queue.is_empty() {
            self.taken = None;
        }
    }

    fn get(&self, id: TransferId) -> Option<&Received> {
        let queue = self.taken.as_ref()?;
        queue.get(place(queue, id)?)
    }

    /// Whether no more can be remembered.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.taken.as_ref().is_some_and(|queue| queue.len() >= MAX_TAKEN)
    }

    /// Whether it was taken.
    #[must_use]
    pub fn has(&self, id: TransferId) -> bool {
        self.get(id).is_some()
    }

    /// Whether it was taken and not yet settled.
    #[must_use]
    pub fn waits_for(&self, id: TransferId) -> bool {
        self.get(id).is_some_and(|taken| !taken.settled)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Received> {
        self.taken.iter().flat_map(|queue| queue.iter())
    }

    /// Those whose payers are to be told again that they were taken: they settle, or say that
    /// they have.
    pub fn unsettled(&self) -> impl Iterator<Item = &Received> {
        self.iter().filter(|taken| !taken.settled)
    }

    /// What to tell those payers, where the fact says it all.
    pub fn acceptances(&self) -> impl Iterator<Item = OutgoingMessage> {
        self.unsettled().map(|taken| accepted(taken.id, taken.from.clone()))
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.taken.as_ref().map_or(0, |queue| {
            let list = queue.capacity().saturating_mul(size_of::<Received>());
            size_of::<VecDeque<Received>>().saturating_add(list)
        })
    }
}

fn place(queue: &VecDeque<Received>, id: TransferId) -> Option<usize> {
    queue.binary_search_by(|taken| taken.id.cmp(&id)).ok()
}

impl FromIterator<Received> for Inbox {
    fn from_iter<I: IntoIterator<Item = Received>>(taken: I) -> Self {
        let mut taken: Vec<Received> = taken.into_iter().collect();
        taken.sort_by_key(|taken| taken.id);
        Self { taken: (!taken.is_empty()).then(|| Box::new(taken.into())) }
    }
}

impl FromIterator<OpenTransfer> for Outbox {
    fn from_iter<I: IntoIterator<Item = OpenTransfer>>(open: I) -> Self {
        let mut outbox = Self::default();
        for open in open {
            outbox.open(open);
        }
        outbox
    }
}

/// Whether an offer that was not asked for may be taken at `now`.
#[must_use]
pub fn is_good(id: TransferId, now: Timestamp) -> bool {
    now.millis_since(id.made_at()) <= OFFER_GOOD_MILLIS
}

/// The message that tells a payer that its transfer was taken.
#[must_use]
pub fn accepted(transfer: TransferId, payer: EntityId) -> OutgoingMessage {
    OutgoingMessage { to: payer, message: Message::Accepted { transfer, summary: None } }
}

/// The message that tells a payer that its transfer was not taken.
#[must_use]
pub fn refused(transfer: TransferId, payer: EntityId, why: NotTaken) -> OutgoingMessage {
    OutgoingMessage { to: payer, message: Message::Refused { transfer, why } }
}

/// The messages to payees whose transfers were settled.
#[must_use]
pub fn forget(transfer: TransferId, payee: EntityId) -> OutgoingMessage {
    OutgoingMessage { to: payee, message: Message::Forget { transfer } }
}
