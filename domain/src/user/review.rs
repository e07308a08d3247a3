//! Judging a contribution: approval earns its reward, once.

use super::{Event, Refusal, User};
use crate::contribution::{ReviewDecision, ReviewStatus};
use crate::earning::Payer;
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Context, Decided, Decision};
use crate::money::Micros;

/// Judges one of the user's contributions.
#[derive(Clone, Debug)]
pub struct ReviewContribution {
    /// The contribution.
    pub id: ContributionId,
    /// The judgement.
    pub decision: ReviewDecision,
    /// The operator who judges.
    pub by: Box<str>,
    /// Their reason, for the record.
    pub reason: Option<Box<str>>,
}

/// The reply to [`ReviewContribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// The contribution.
    pub id: ContributionId,
    /// How far it has come.
    pub status: ReviewStatus,
    /// What approval earned, in micros.
    pub reward: Micros,
}

impl Command for ReviewContribution {
    type Machine = User;
    type Reply = Reviewed;

    fn decide(self, user: &User, _: &Context<'_>) -> Decided<Self> {
        let Self { id, decision, by, reason } = self;
        let known = user.contribution(id).ok_or(Refusal::NoSuchContribution { id })?;
        let status = decision.status();
        if known.status == status {
            // The same judgement again changes nothing and earns nothing: that it fits was seen the
            // first time.
            let reward = earned(decision, known.reward);
            return Ok(Decision::reply(Reviewed { id, status, reward }));
        }
        if known.status != ReviewStatus::Pending {
            return Err(Refusal::AlreadyReviewed { status: known.status });
        }
        let reward = reward_for(user, decision, known.reward)?;
        let reply = Reviewed { id, status, reward };
        let event = Event::ContributionReviewed { id, decision, reward, by, reason };
        Ok(Decision::of(vec![event], Answer::Now(reply)))
    }
}

/// What a judgement earns of a contribution's reward.
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
    }
    if !reward.is_zero() {
        user.accrual_mut(Payer::Pool).pending.credit(reward);
    }
}
