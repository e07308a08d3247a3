//! Names, ids and amounts that read well in a table.

use crate::answers::RequestTag;
use crate::context::Asked;
use crate::entity::{EntityId, Environment, UserRef};
use crate::id::{ContributionId, ExchangeId, ListingId, ProjectId};
use crate::money::Micros;
use crate::reply::ReplyToken;
use crate::time::Timestamp;

/// The moment at which tables begin: 2023-11-14T22:13:20Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The `n`th ULID that was made at a moment.
pub(crate) fn ulid(at: Timestamp, n: u64) -> u128 {
    u128::try_from(at.as_millis()).expect("after 1970") << 80 | u128::from(n)
}

/// The ULID that an entity's `n`th step at [`NOW`] is given, counted from 1.
pub(crate) fn fresh(n: u64) -> u128 {
    ulid(NOW, n.saturating_mul(ULIDS_A_STEP))
}

/// The number of ULIDs set aside for a step, so that those which a decision derives from its own
/// are no other step's.
pub(super) const ULIDS_A_STEP: u64 = 10;

pub(crate) fn exchange_id(n: u64) -> ExchangeId {
    ExchangeId::new(ulid(NOW, n))
}

pub(crate) const fn contribution_id(n: u64) -> ContributionId {
    ContributionId::new(n as u128)
}

pub(crate) const fn listing_id(n: u64) -> ListingId {
    ListingId::new(n as u128)
}

pub(crate) const fn project_id(n: u64) -> ProjectId {
    ProjectId::new(n as u128)
}

pub(crate) const fn micros(micros: u64) -> Micros {
    Micros::new(micros)
}

pub(crate) fn person(name: &str) -> EntityId {
    EntityId::user(Environment::Live, &UserRef::Person(name.into()))
}

pub(crate) fn project(n: u64) -> EntityId {
    EntityId::project(Environment::Live, project_id(n))
}

pub(crate) fn listing(n: u64) -> EntityId {
    EntityId::listing(Environment::Live, listing_id(n))
}

pub(crate) fn system() -> EntityId {
    EntityId::system(Environment::Live)
}

/// The `n`th idempotency key, with the body that it was first used for.
pub(crate) fn tag(n: u64) -> RequestTag {
    RequestTag { key: n.into(), fingerprint: 1 }
}

/// The same key with another body.
pub(crate) fn other_body(tag: RequestTag) -> RequestTag {
    RequestTag { fingerprint: tag.fingerprint.wrapping_add(1), ..tag }
}

/// A request with this tag that waits.
pub(crate) fn asked(request: RequestTag) -> Option<Asked> {
    Some(Asked { reply_token: ReplyToken(request.key), request: Some(request) })
}

/// A number beyond those that tables use.
pub(super) fn far(n: usize) -> u64 {
    u64::try_from(n).expect("few").saturating_add(1_000)
}
