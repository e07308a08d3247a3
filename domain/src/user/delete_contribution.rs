//! Deleting a contribution, unless a listing needs it.

use super::{Event, Refusal, User};
use crate::context::Context;
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Decided, Decision};

/// Deletes one of the user's contributions.
#[derive(Clone, Copy, Debug)]
pub struct DeleteContribution {
    /// The contribution to delete.
    pub id: ContributionId,
}

/// The reply to [`DeleteContribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The contribution that was deleted.
    pub id: ContributionId,
    /// SHA-256 of its content, which the caller erases if nobody else has it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::ListingStatus;
    use crate::testing::*;

    const FIRST: DeleteContribution = DeleteContribution { id: contribution_id(1) };

    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| {
            ada.contributes(1);
            ada.contributes(2);
        })
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), FIRST),
            refusal,
            &[
                (
                    |(_, delete)| delete.id = contribution_id(3),
                    Refusal::NoSuchContribution { id: contribution_id(3) },
                ),
                (
                    // Listed, and by mistake unknown: a contribution that is not there can't be for
                    // sale.
                    |(ada, _)| ada.lists(8, ListingStatus::Active, &[1, 3]),
                    Refusal::Listed { listing: listing_id(8) },
                ),
            ],
        );
    }

    #[test]
    fn what_is_deleted_is_gone_and_its_content_is_named() {
        let mut ada = ada();
        let sha256 = contribution(1).sha256;
        let step = ada.ask(FIRST);
        assert_eq!(step.events, [Event::ContributionDeleted { id: FIRST.id, sha256 }]);
        assert_eq!(step.answer, Answer::Now(Deleted { id: FIRST.id, sha256 }));
        assert_eq!(ada.contribution(contribution_id(1)), None);
        assert!(ada.contribution(contribution_id(2)).is_some());
        let again = Refusal::NoSuchContribution { id: FIRST.id };
        assert_eq!(refusal(&(ada, FIRST)), Some(again));
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(ada(), &FIRST);
    }
}
