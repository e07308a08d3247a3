//! Accepting money from others.

use super::{Event, User};
use crate::entity::EntityId;
use crate::message::NotTaken;
use crate::transfer::Transfer;

pub(super) fn accepted_event(from: EntityId, transfer: Transfer) -> Event {
    Event::TransferAccepted { from, transfer }
}

/// Whether a user can be given money that they did not ask for.
pub(super) fn may_hold(user: &User) -> Result<(), NotTaken> {
    if user.became().is_some() {
        // A user who became a person holds nothing that they could spend.
        return Err(NotTaken::NoSuchPayee);
    }
    if user.inbox.is_full() {
        return Err(NotTaken::Busy);
    }
    Ok(())
}
