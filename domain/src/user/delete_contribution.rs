//! Deleting a contribution, unless it is for sale.

use super::{Event, Refusal, User};
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Context, Decided, Decision};

/// Deletes one of the user's contributions.
#[derive(Clone, Copy, Debug)]
pub struct DeleteContribution {
    /// The contribution.
    pub id: ContributionId,
}

/// The reply to [`DeleteContribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The contribution that was deleted.
    pub id: ContributionId,
    /// SHA-256 of its content: to be erased, where nobody else has it.
    pub sha256: [u8; 32],
}

impl Command for DeleteContribution {
    type Machine = User;
    type Reply = Deleted;

    fn decide(self, user: &User, _: &Context<'_>) -> Decided<Self> {
        let Self { id } = self;
        let known = user.contribution(id).ok_or(Refusal::NoSuchContribution { id })?;
        if let Some(listing) = user.listing_of(id) {
            return Err(Refusal::Listed { listing });
        }
        let sha256 = known.sha256;
        let events = vec![Event::ContributionDeleted { id, sha256 }];
        Ok(Decision::of(events, Answer::Now(Deleted { id, sha256 })))
    }
}
