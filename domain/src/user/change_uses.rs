//! Changing what a contribution may be used for, as long as nobody has judged it.
//!
//! Approval pays for the uses that are allowed then, so they stay as they were paid for; a
//! contributor who changes their mind later deletes the contribution.

use super::{Event, Refusal, User};
use crate::context::Context;
use crate::contribution::{Contribution, ReviewStatus, Uses};
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::money::Micros;

/// Changes what one of the user's contributions may be used for.
#[derive(Clone, Copy, Debug)]
pub struct ChangeUses {
    /// The contribution.
    pub id: ContributionId,
    /// The change; the uses that it does not name stay as they are.
    pub change: UsesChange,
}

/// A change of [`Uses`]; `None` leaves a use as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsesChange {
    /// See [`Uses::ai_training`].
    pub ai_training: Option<bool>,
    /// See [`Uses::research`].
    pub research: Option<bool>,
    /// See [`Uses::commercial`].
    pub commercial: Option<bool>,
}

impl UsesChange {
    /// The uses after the change.
    fn of(self, before: Uses) -> Uses {
        Uses {
            ai_training: self.ai_training.unwrap_or(before.ai_training),
            research: self.research.unwrap_or(before.research),
            commercial: self.commercial.unwrap_or(before.commercial),
        }
    }
}

/// The reply to [`ChangeUses`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsesChanged {
    /// The contribution as it is now.
    pub contribution: Contribution,
}

impl Command for ChangeUses {
    type Machine = User;
    type Reply = UsesChanged;

    fn decide(self, user: &User, _: &Context<'_>) -> Decided<Self> {
        let Self { id, change } = self;
        let known = user.contribution(id).ok_or(Refusal::NoSuchContribution { id })?;
        let uses = change.of(known.uses);
        if uses == known.uses {
            return Ok(Decision::reply(UsesChanged { contribution: known.clone() }));
        }
        if known.status != ReviewStatus::Pending {
            return Err(Refusal::AlreadyReviewed { status: known.status });
        }
        let reward = uses.reward(known.contribution_type());
        let contribution = Contribution { uses, reward, ..known.clone() };
        let event = Event::ContributionUsesChanged { id, uses, reward };
        Ok(Decision::of(vec![event], Answer::Now(UsesChanged { contribution })))
    }
}

pub(super) fn apply(user: &mut User, id: ContributionId, uses: Uses, reward: Micros) {
    let contribution = user.market_mut().contributions.get_mut(&id);
    let contribution = contribution.expect("only a contribution that is there is changed");
    (contribution.uses, contribution.reward) = (uses, reward);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Micros;
    use crate::testing::*;

    const NOTHING: UsesChange = UsesChange { ai_training: None, research: None, commercial: None };
    const TRAINING: ChangeUses = ChangeUses {
        id: contribution_id(1),
        change: UsesChange { ai_training: Some(true), ..NOTHING },
    };

    /// Ada with a text that may be sold: 0.6 PRIV.
    fn ada() -> UnderTest<User> {
        user("ada").with(|ada| ada.owned(1).status = ReviewStatus::Pending)
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(), TRAINING),
            refusal,
            &[
                (
                    |(_, command)| command.id = contribution_id(2),
                    Refusal::NoSuchContribution { id: contribution_id(2) },
                ),
                (
                    |(ada, _)| ada.owned(1).status = ReviewStatus::Approved,
                    Refusal::AlreadyReviewed { status: ReviewStatus::Approved },
                ),
            ],
        );
    }

    #[test]
    fn what_is_named_changes_and_the_reward_follows() {
        let (yes, no) = (Some(true), Some(false));
        let change =
            |ai_training, research, commercial| UsesChange { ai_training, research, commercial };
        // The change; the uses after it, and the reward in micros.
        let rows = [
            (change(yes, None, None), (true, false, true), 725_000),
            (change(None, yes, None), (false, true, true), 675_000),
            (change(None, None, no), (false, false, false), 500_000),
            (change(yes, yes, no), (true, true, false), 700_000),
            (change(yes, yes, yes), (true, true, true), 800_000),
        ];
        for (change, (ai_training, research, commercial), micros) in rows {
            let mut ada = ada();
            let before = ada.owned(1).clone();
            let (id, uses) = (TRAINING.id, Uses { ai_training, research, commercial });
            let reward = Micros::new(micros);
            let step = ada.ask(ChangeUses { id, change });
            assert_eq!(step.events, [Event::ContributionUsesChanged { id, uses, reward }]);
            let contribution = Contribution { uses, reward, ..before };
            assert_eq!(ada.contribution(id), Some(&contribution));
            assert_eq!(step.answer, Answer::Now(UsesChanged { contribution }));
            assert_eq!(ada.pending(), Micros::ZERO);
        }
    }

    #[test]
    fn what_is_so_already_changes_nothing_whoever_judged_it() {
        for status in ReviewStatus::ALL {
            for change in [NOTHING, UsesChange { commercial: Some(true), ..NOTHING }] {
                let mut ada = user("ada").with(|ada| ada.owned(1).status = status);
                let contribution = ada.owned(1).clone();
                let step = ada.ask(ChangeUses { id: TRAINING.id, change });
                assert_eq!(step.events, []);
                assert_eq!(step.answer, Answer::Now(UsesChanged { contribution }));
            }
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(ada(), &TRAINING);
    }
}
