//! The messages that a user still waits for answers to, and the memory that a user takes.

use super::{Accrual, ClaimPart, Links, OpenClaim, User, claim};
use crate::consent::ConsentRecord;
use crate::context::Context;
use crate::entity::EntityId;
use crate::message::OutgoingMessage;

impl User {
    /// Whether a request with the same idempotency key as the one being decided is under way: a
    /// claim, or what an exchange was opened for.
    pub(super) fn is_busy_with(&self, context: &Context<'_>) -> bool {
        let Some(tag) = context.request else { return false };
        let mut claims = self.claims.iter().filter_map(|claim| claim.request);
        claims.any(|request| request.key == tag.key) || self.outbox.is_busy_with(context)
    }
}

pub(super) fn outstanding(user: &User, me: &EntityId) -> Vec<OutgoingMessage> {
    let claims = user.claims.iter().flat_map(|open| claim::fund_messages(open, me.environment));
    claims.chain(user.outbox.offers()).chain(user.inbox.answers()).collect()
}

pub(super) fn heap_bytes(user: &User) -> usize {
    let list = |slots: usize, each: usize| slots.saturating_mul(each);
    let claims = user
        .claims
        .iter()
        .fold(list(user.claims.capacity(), size_of::<OpenClaim>()), |sum, open| {
            sum.saturating_add(list(open.parts.capacity(), size_of::<ClaimPart>()))
        });
    let consent = user.consent.as_ref().map_or(0, |_| size_of::<ConsentRecord>());
    let links = user.links.as_ref().map_or(0, |links| {
        links.absorbed.iter().fold(size_of::<Links>(), |sum, key| {
            sum.saturating_add(key.len()).saturating_add(size_of::<Box<str>>())
        })
    });
    [
        list(user.accruals.capacity(), size_of::<Accrual>()),
        claims,
        consent,
        links,
        user.market.as_ref().map_or(0, |market| market.heap_bytes()),
        user.seen.heap_bytes(),
        user.outbox.heap_bytes(),
        user.inbox.heap_bytes(),
    ]
    .iter()
    .fold(0, |sum: usize, bytes| sum.saturating_add(*bytes))
}
