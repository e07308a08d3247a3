//! Accepting money from others.

use super::{Event, User};
use crate::context::Context;
use crate::entity::EntityId;
use crate::exchange::is_good;
use crate::id::ExchangeId;
use crate::message::NotTaken;
use crate::transfer::Transfer;

pub(super) fn accepted_event(from: EntityId, transfer: Transfer) -> Event {
    Event::TransferAccepted { from, transfer }
}

/// Whether a user can be given money that they did not ask for.
pub(super) fn may_hold(user: &User, id: ExchangeId, context: &Context<'_>) -> Result<(), NotTaken> {
    if user.became().is_some() {
        // A user who became a person holds nothing that they could spend.
        return Err(NotTaken::NoSuchPayee);
    }
    if !is_good(id, context.now) {
        return Err(NotTaken::NotAwaited);
    }
    Ok(())
}
