//! The stored forms of what all machines share: ids, amounts, exchanges, remembered answers.

use priv_domain::answers::{Answers, Remembered, RequestTag};
use priv_domain::context::Asked;
use priv_domain::earning::{DayEarnings, Payer, Rates};
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::exchange::{Exchange, Inbox, Open, Outbox, Received, Sendable};
use priv_domain::ledger::AccountClass;
use priv_domain::machine::{Entity, Entry};
use priv_domain::proposal::{Content, Proposal};
use priv_domain::reconciliation::{InFlight, Mismatch, Unreconciled};
use priv_domain::reply::{AnyReply, Noted, ReplyToken};
use priv_domain::transfer::{LinkedAccrual, LinkedUser, PartId, Purpose, Transfer, UserPurpose};
use priv_domain::{
    ClaimId, ContributionId, Day, EventKey, EventType, ExchangeId, KeyId, ListingId, Micros,
    Position, ProjectId, PurchaseId, Timestamp, Version,
};

use super::leaf::get_list;
use super::{
    DecodeError, Input, Output, Persistent, Stored, stored_enum, stored_newtype, stored_struct,
};

stored_newtype! {
    ClaimId: u128, ClaimId::get, ClaimId::new;
    Day: i64, Day::get, Day::new;
    KeyId: u128, KeyId::get, KeyId::new;
    Micros: u64, Micros::get, Micros::new;
    Position: u64, Position::get, Position::new;
    ProjectId: u128, ProjectId::get, ProjectId::new;
    Timestamp: i64, Timestamp::as_millis, Timestamp::from_millis;
    ExchangeId: u128, ExchangeId::get, ExchangeId::new;
    ContributionId: u128, ContributionId::get, ContributionId::new;
    ListingId: u128, ListingId::get, ListingId::new;
    PurchaseId: u128, PurchaseId::get, PurchaseId::new;
    Version: u64, Version::get, Version::new;
    EventKey: u128, event_key_bits, EventKey;
    ReplyToken: u128, reply_token_bits, ReplyToken;
}

fn event_key_bits(key: EventKey) -> u128 {
    key.0
}

fn reply_token_bits(reply_token: ReplyToken) -> u128 {
    reply_token.0
}

stored_enum!(Environment, "environment" { 0 => Live, 1 => Test });
stored_enum!(Kind, "kind" { 0 => User, 1 => Project, 2 => System, 3 => Listing });
stored_struct!(EntityId { environment, kind, key });
stored_enum!(EventType, "event type" { 0 => Track, 1 => PageView, 2 => Identify });
stored_enum!(Payer, "payer" { 0 => Project(project), 1 => Pool, 2 => Sales });
stored_struct!(DayEarnings { day, earned, events });
stored_struct!(Rates { track, page_view, identify });
stored_enum!(AccountClass, "account class" {
    0 => Minted,
    1 => Burned,
    2 => Treasury,
    3 => Pool,
    4 => Stakers,
    5 => Budget,
    6 => User,
    7 => InFlight,
    8 => Listing,
    9 => Proceeds,
});
stored_struct!(PartId { claim, part });
stored_struct!(InFlight { payee, amount, accepted });
stored_enum!(Mismatch, "mismatch of a transfer's ends" {
    0 => SettledUnaccepted,
    1 => ReturnedAccepted,
    2 => AcceptedOtherwise,
});
stored_struct!(Unreconciled { id, mismatch, entity, amount });
stored_struct!(LinkedAccrual { payer, pending, claimed, today });
stored_struct!(LinkedUser { accruals, consent, privacy_control_since });
stored_struct!(RequestTag { key, fingerprint });
stored_struct!(Asked { reply_token, request });
stored_struct!(Received { id, from, refused });
stored_struct!(ReceivedBefore { id, from, asked_for, settled });

/// Transfers and proposals have one form, from when a proposal was a transfer of nothing: id,
/// receiver, amount, and a tag of the purpose with what that carries.
impl Stored for Exchange {
    fn put(&self, out: &mut Output) {
        self.id().put(out);
        self.to().put(out);
        self.amount().put(out);
        match self {
            Self::Transfer(transfer) => put_purpose(&transfer.purpose, out),
            Self::Proposal(proposal) => put_content(&proposal.content, out),
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let id = Stored::get(input)?;
        let to = Stored::get(input)?;
        let amount: Micros = Stored::get(input)?;
        let tag: u32 = Stored::get(input)?;
        let purpose = match tag {
            0 => Purpose::ToUser(UserPurpose::Claim(Stored::get(input)?)),
            1 => Purpose::Budget,
            2 => Purpose::ToUser(UserPurpose::Grant),
            3 => Purpose::ToUser(UserPurpose::Link(Stored::get(input)?)),
            6 => Purpose::Order(Stored::get(input)?),
            7 => Purpose::ToUser(UserPurpose::Proceeds(Stored::get(input)?)),
            8 => Purpose::Fees(Stored::get(input)?),
            4 | 5 | 9 => {
                let content = match tag {
                    4 => Content::Publish(Stored::get(input)?),
                    5 => Content::Change(Stored::get(input)?),
                    _ => Content::Rate(Stored::get(input)?),
                };
                return match amount.is_zero() {
                    true => Ok(Self::Proposal(Proposal { id, to, content })),
                    false => Err(DecodeError::Malformed("a proposal with money".to_owned())),
                };
            }
            tag => return Err(DecodeError::UnknownTag { what: "purpose", tag }),
        };
        Ok(Self::Transfer(Transfer { id, to, amount, purpose }))
    }
}

fn put_purpose(purpose: &Purpose, out: &mut Output) {
    let mut tagged = |tag: u32, carried: &dyn Fn(&mut Output)| {
        tag.put(out);
        carried(out);
    };
    match purpose {
        Purpose::ToUser(UserPurpose::Claim(part)) => tagged(0, &|out| part.put(out)),
        Purpose::Budget => tagged(1, &|_| ()),
        Purpose::ToUser(UserPurpose::Grant) => tagged(2, &|_| ()),
        Purpose::ToUser(UserPurpose::Link(linked)) => tagged(3, &|out| linked.put(out)),
        Purpose::Order(order) => tagged(6, &|out| order.put(out)),
        Purpose::ToUser(UserPurpose::Proceeds(proceeds)) => tagged(7, &|out| proceeds.put(out)),
        Purpose::Fees(fees) => tagged(8, &|out| fees.put(out)),
    }
}

fn put_content(content: &Content, out: &mut Output) {
    let mut tagged = |tag: u32, carried: &dyn Fn(&mut Output)| {
        tag.put(out);
        carried(out);
    };
    match content {
        Content::Publish(draft) => tagged(4, &|out| draft.put(out)),
        Content::Change(change) => tagged(5, &|out| change.put(out)),
        Content::Rate(rating) => tagged(9, &|out| rating.put(out)),
    }
}

impl Stored for Transfer {
    fn put(&self, out: &mut Output) {
        let Self { id, to, amount, purpose } = self;
        id.put(out);
        to.put(out);
        amount.put(out);
        put_purpose(purpose, out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        match Exchange::get(input)? {
            Exchange::Transfer(transfer) => Ok(transfer),
            Exchange::Proposal(_) => {
                Err(DecodeError::Malformed("a proposal where money crosses".to_owned()))
            }
        }
    }
}

impl<T: Stored> Stored for Open<T> {
    fn put(&self, out: &mut Output) {
        let Self { exchange, asked } = self;
        exchange.put(out);
        asked.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let (exchange, asked) = Stored::get(input)?;
        Ok(Self { exchange, asked })
    }
}

impl<T: Sendable + Stored> Stored for Outbox<T> {
    fn put(&self, out: &mut Output) {
        self.iter().cloned().collect::<Vec<Open<T>>>().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        get_list(input)
    }
}

impl Stored for Inbox {
    fn put(&self, out: &mut Output) {
        self.iter().cloned().collect::<Vec<Received>>().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        if input.format < 4 {
            let received: Vec<ReceivedBefore> = get_list(input)?;
            let remembered = received.into_iter().filter(|received| !received.settled);
            let accepted = |ReceivedBefore { id, from, .. }| Received { id, from, refused: None };
            return Ok(remembered.map(accepted).collect());
        }
        get_list(input)
    }
}

/// An exchange that was accepted, up to format 3: it was remembered for ten minutes, settled or not.
struct ReceivedBefore {
    id: ExchangeId,
    from: EntityId,
    asked_for: bool,
    settled: bool,
}

/// The tag of the reply's type, then the reply; its machine has the table of tags.
impl<M: Persistent> Stored for AnyReply<M> {
    fn put(&self, out: &mut Output) {
        M::put_reply(self, out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        M::get_reply(input)
    }
}

/// No bytes: the tag in front of it says all.
impl Stored for Noted {
    fn put(&self, _: &mut Output) {}

    fn get(_: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

impl<M: Persistent> Stored for Remembered<M> {
    fn put(&self, out: &mut Output) {
        let Self { fingerprint, at, reply } = self;
        fingerprint.put(out);
        at.put(out);
        reply.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let (fingerprint, at, reply) = Stored::get(input)?;
        Ok(Self { fingerprint, at, reply })
    }
}

impl<M: Persistent> Stored for Answers<M> {
    fn put(&self, out: &mut Output) {
        let mut answers: Vec<(u128, Remembered<M>)> =
            self.iter().map(|(key, known)| (key, known.clone())).collect();
        // Sorted, so that equal states have equal bytes.
        answers.sort_unstable_by_key(|(key, _)| *key);
        answers.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        get_list(input)
    }
}

/// The part of an entry that replay needs. The raw events are the other part, see `raw_event`.
impl<M: Persistent> Stored for Entry<M> {
    fn put(&self, out: &mut Output) {
        self.events.put(out);
        self.answered.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let (events, answered) = Stored::get(input)?;
        Ok(Self { events, answered, raw_events: Vec::new() })
    }
}

impl<M: Persistent> Stored for Entity<M> {
    fn put(&self, out: &mut Output) {
        let Self { machine, answers, version, position } = self;
        version.put(out);
        position.put(out);
        machine.put(out);
        answers.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let version = Stored::get(input)?;
        let position = Stored::get(input)?;
        let (machine, answers) = Stored::get(input)?;
        Ok(Self { machine, answers, version, position })
    }
}
