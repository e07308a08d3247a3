//! What all machines share: ids, amounts, transfers, messages' contents, remembered answers.

use priv_domain::answers::{Answers, Remembered, RequestTag};
use priv_domain::earning::{DayEarnings, Payer, Rates};
use priv_domain::entity::{EntityId, Environment, Kind};
use priv_domain::ledger::AccountClass;
use priv_domain::machine::{Entity, Entry, Machine, ReplyToken};
use priv_domain::message::{LinkedAccrual, LinkedUser, PartId, Purpose, Transfer};
use priv_domain::outbox::{Asked, Inbox, OpenTransfer, Outbox, Received};
use priv_domain::{
    ClaimId, ContributionId, Day, EventKey, EventType, KeyId, ListingId, Micros, Position,
    ProjectId, PurchaseId, Timestamp, TransferId, Version,
};

use super::leaf::get_list;
use super::{DecodeError, Input, Output, Stored, stored_enum, stored_newtype, stored_struct};

stored_newtype! {
    ClaimId: u128, ClaimId::get, ClaimId::new;
    Day: i64, Day::get, Day::new;
    KeyId: u128, KeyId::get, KeyId::new;
    Micros: u64, Micros::get, Micros::new;
    Position: u64, Position::get, Position::new;
    ProjectId: u128, ProjectId::get, ProjectId::new;
    Timestamp: i64, Timestamp::as_millis, Timestamp::from_millis;
    TransferId: u128, TransferId::get, TransferId::new;
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
stored_struct!(LinkedAccrual { payer, pending, claimed, today });
stored_struct!(LinkedUser { accruals, consent, privacy_control_since });
stored_enum!(Purpose, "purpose" {
    0 => Claim(part),
    1 => Budget,
    2 => Grant,
    3 => Link(linked),
    4 => Publish(draft),
    5 => Change(change),
    6 => Purchase(order),
    7 => Proceeds(proceeds),
    8 => Fees(fees),
    9 => Rating(rating),
});
stored_struct!(Transfer { id, to, amount, purpose });
stored_struct!(RequestTag { key, fingerprint });
stored_struct!(Asked { reply_token, request });
stored_struct!(OpenTransfer { transfer, asked });
stored_struct!(Received { id, from, asked_for, settled });

impl Stored for Outbox {
    fn put(&self, out: &mut Output) {
        self.iter().cloned().collect::<Vec<OpenTransfer>>().put(out);
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
        get_list(input)
    }
}

impl<R: Stored> Stored for Remembered<R> {
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

impl<R: Stored + Clone> Stored for Answers<R> {
    fn put(&self, out: &mut Output) {
        let mut answers: Vec<(u128, Remembered<R>)> =
            self.iter().map(|(key, known)| (key, known.clone())).collect();
        // The same state has the same bytes.
        answers.sort_unstable_by_key(|(key, _)| *key);
        answers.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        get_list(input)
    }
}

/// The part of an entry that replay needs. The raw events are the other part.
impl<E: Stored, R: Stored> Stored for Entry<E, R> {
    fn put(&self, out: &mut Output) {
        self.events.put(out);
        self.answered.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let (events, answered) = Stored::get(input)?;
        Ok(Self { events, answered, raw_events: Vec::new() })
    }
}

impl<M: Machine + Stored> Stored for Entity<M>
where
    M::Reply: Stored,
{
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
