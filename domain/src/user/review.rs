//! Reviewing a contribution: an operator judges it, and approval earns its reward, once.

use super::{Event, Refusal, User};
use crate::context::Context;
use crate::contribution::{ReviewDecision, ReviewStatus};
use crate::earning::Payer;
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::money::Micros;

/// Judges one of the user's contributions.
#[derive(Clone, Debug)]
pub struct ReviewContribution {
    /// The contribution to judge.
    pub id: ContributionId,
    /// The judgement, which sets its status.
    pub decision: ReviewDecision,
    /// The operator who judges.
    pub by: Box<str>,
    /// The operator's reason, for the record; `None` if they gave none.
    pub reason: Option<Box<str>>,
    /// Whether its content has earned before in this environment, for anybody, deleted since or
    /// not: then approval earns nothing more.
    pub rewarded_before: bool,
}

/// The reply to [`ReviewContribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// The contribution that was judged.
    pub id: ContributionId,
    /// Its status after the judgement.
    pub status: ReviewStatus,
    /// The reward that approval earned, in micros.
    pub reward: Micros,
}

impl Command for ReviewContribution {
    type Machine = User;
    type Reply = Reviewed;

    fn decide(self, user: &User, _: &Context<'_>) -> Decided<Self> {
        let Self { id, decision, by, reason, rewarded_before } = self;
        let known = user.contribution(id).ok_or(Refusal::NoSuchContribution { id })?;
        let status = decision.status();
        if known.status == status {
            // The same judgement again changes nothing and earns nothing. That the reward fits was
            // seen the first time.
            let reward = earned(decision, known.reward);
            return Ok(Decision::reply(Reviewed { id, status, reward }));
        }
        if known.status != ReviewStatus::Pending {
            return Err(Refusal::AlreadyReviewed { status: known.status });
        }
        let reward = if rewarded_before { Micros::ZERO } else { known.reward };
        let reward = reward_for(user, decision, reward)?;
        let reply = Reviewed { id, status, reward };
        let event = Event::ContributionReviewed { id, decision, reward, by, reason };
        Ok(Decision::of(vec![event], Answer::Now(reply)))
    }
}

/// The part of a contribution's reward that a judgement earns, in micros: all of it or nothing.
///
/// # Errors
/// The user would have earned more than can be counted.
pub(super) fn reward_for(
    user: &User,
    decision: ReviewDecision,
    reward: Micros,
) -> Result<Micros, Refusal> {
    let reward = earned(decision, reward);
    user.earned_total_with(reward).map(|_| reward).ok_or(Refusal::TooMuch)
}

fn earned(decision: ReviewDecision, reward: Micros) -> Micros {
    match decision {
        ReviewDecision::Approved => reward,
        ReviewDecision::Rejected => Micros::ZERO,
    }
}

pub(super) fn apply(user: &mut User, id: ContributionId, decision: ReviewDecision, reward: Micros) {
    if let Some(contribution) = user.market_mut().contributions.get_mut(&id) {
        contribution.status = decision.status();
        if decision == ReviewDecision::Approved {
            contribution.reward = reward;
        }
    }
    if !reward.is_zero() {
        user.accrual_mut(Payer::Pool).pending.credit(reward);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use ReviewDecision::{Approved, Rejected};

    const REWARD: u64 = 600_000;

    fn judge(decision: ReviewDecision) -> ReviewContribution {
        let reason = Some("seen".into());
        let (id, by, rewarded_before) = (contribution_id(1), "op".into(), false);
        ReviewContribution { id, decision, by, reason, rewarded_before }
    }

    fn ada(status: ReviewStatus) -> UnderTest<User> {
        user("ada").with(|ada| ada.owned(1).status = status)
    }

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(ada(ReviewStatus::Pending), judge(Approved)),
            refusal,
            &[
                (
                    |(_, review)| review.id = contribution_id(2),
                    Refusal::NoSuchContribution { id: contribution_id(2) },
                ),
                (
                    |(ada, _)| ada.owned(1).status = ReviewStatus::Rejected,
                    Refusal::AlreadyReviewed { status: ReviewStatus::Rejected },
                ),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX), Refusal::TooMuch),
            ],
        );
    }

    #[test]
    fn bounds_hold_exactly_at_their_edge() {
        check_edges(
            &(ada(ReviewStatus::Pending), judge(Approved)),
            refusal,
            &[
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX - REWARD), None),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX - REWARD + 1), Some(Refusal::TooMuch)),
                (
                    |(ada, review)| {
                        *review = judge(Rejected);
                        ada.earns(Payer::Pool, u64::MAX);
                    },
                    None,
                ),
                // The reward that was earned before still fits.
                (
                    |(ada, _)| {
                        ada.owned(1).status = ReviewStatus::Approved;
                        ada.earns(Payer::Pool, u64::MAX);
                    },
                    None,
                ),
            ],
        );
    }

    #[test]
    fn a_judgement_earns_once_and_is_not_turned_round() {
        use ReviewStatus::Pending;
        let again = |status| Err(Refusal::AlreadyReviewed { status });
        // The status before, the judgement; its reward and what is pending, or the refusal.
        let rows = [
            (Pending, Approved, Ok((REWARD, REWARD))),
            (Pending, Rejected, Ok((0, 0))),
            (ReviewStatus::Approved, Approved, Ok((REWARD, 0))),
            (ReviewStatus::Rejected, Rejected, Ok((0, 0))),
            (ReviewStatus::Approved, Rejected, again(ReviewStatus::Approved)),
            (ReviewStatus::Rejected, Approved, again(ReviewStatus::Rejected)),
        ];
        for (before, decision, expected) in rows {
            let mut ada = ada(before);
            let (reward, pending) = match expected {
                Ok(amounts) => amounts,
                Err(why) => {
                    assert_eq!(refusal(&(ada, judge(decision))), Some(why));
                    continue;
                }
            };
            let step = ada.ask(judge(decision));
            let (id, status, reward) = (contribution_id(1), decision.status(), micros(reward));
            let (by, reason) = ("op".into(), Some("seen".into()));
            let event = Event::ContributionReviewed { id, decision, reward, by, reason };
            let events = if before == Pending { vec![event] } else { vec![] };
            assert_eq!(step.events, events);
            assert_eq!(step.answer, Answer::Now(Reviewed { id, status, reward }));
            assert_eq!(ada.contribution(id).map(|known| known.status), Some(status));
            assert_eq!((ada.pending(), ada.available), (micros(pending), micros(0)));
            assert_eq!(ada.accruals.iter().filter(|known| known.payer != Payer::Pool).count(), 0);
        }
    }

    #[test]
    fn content_that_has_earned_before_is_approved_and_earns_nothing() {
        let mut ada = ada(ReviewStatus::Pending);
        let again = ReviewContribution { rewarded_before: true, ..judge(Approved) };
        let (id, status, reward) = (contribution_id(1), ReviewStatus::Approved, micros(0));
        assert_eq!(ada.ask(again).answer, Answer::Now(Reviewed { id, status, reward }));
        assert_eq!((ada.pending(), ada.owned(1).reward), (micros(0), micros(0)));
        // Whatever is known by now, the judgement was made.
        assert_eq!(ada.ask(judge(Approved)).answer, Answer::Now(Reviewed { id, status, reward }));
        assert_eq!(ada.pending(), micros(0));
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(ada(ReviewStatus::Pending), &judge(Approved));
        check_repeats(ada(ReviewStatus::Approved), &judge(Approved));
    }
}
