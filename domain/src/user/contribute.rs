//! Contributions: uploaded, judged, deleted.

use std::sync::Arc;

use super::{Event, MAX_CONTRIBUTIONS, Refusal, Reply, User};
use crate::contribution::{Contribution, Decision, MediaType, Originality, ReviewStatus, Uses};
use crate::earning::Payer;
use crate::event::{EventType, RawEvent};
use crate::id::ContributionId;
use crate::machine::{self, Answer, Context};
use crate::money::Micros;

/// An upload whose content is stored.
#[derive(Clone, Debug)]
pub struct NewContribution {
    /// Names it; new.
    pub id: ContributionId,
    /// Found from its content.
    pub media_type: MediaType,
    /// Of its content.
    pub sha256: [u8; 32],
    /// Bytes of its content.
    pub size: u64,
    /// What it may be used for.
    pub uses: Uses,
    /// Whether somebody else has the same content.
    pub originality: Originality,
    /// What the automatic checks say; `None`: a person looks at it.
    pub judged: Option<Judgement>,
    /// What its owner says of it: a JSON object, as text; at most 16 KiB, checked at the edge.
    pub metadata: Option<Box<str>>,
}

/// What automatic checks say.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How.
    pub decision: Decision,
    /// Why.
    pub reason: Box<str>,
}

/// The name of what a contribution's owner says of it, among what is about a person.
const METADATA: &str = "contribution metadata";

/// Who judged where automatic checks did.
const AUTOMATIC: &str = "automatic checks";

pub(super) fn add(
    user: &User,
    new: NewContribution,
    context: &Context<'_>,
) -> Result<machine::Decision<User>, Refusal> {
    if user.became().is_some() {
        return Err(Refusal::BecamePerson);
    }
    let known = user.market.as_ref().map(|market| &market.contributions);
    let same =
        known.into_iter().flatten().find(|(_, contribution)| contribution.sha256 == new.sha256);
    if let Some((first, _)) = same {
        return Err(Refusal::DuplicateContent { first: *first });
    }
    if known.is_some_and(|known| known.len() >= MAX_CONTRIBUTIONS) {
        return Err(Refusal::TooMany { what: "contributions", limit: MAX_CONTRIBUTIONS });
    }
    let NewContribution { id, media_type, sha256, size, uses, originality, judged, metadata } = new;
    let reward = uses.reward(media_type.contribution_type());
    let mut contribution = Contribution {
        media_type,
        sha256,
        size,
        uses,
        reward,
        originality,
        status: ReviewStatus::Pending,
        at: context.now,
    };
    let mut events = vec![Event::ContributionAdded { id, contribution: contribution.clone() }];
    if let Some(Judgement { decision, reason }) = judged {
        contribution.status = decision.status();
        let reward = earned(user, decision, reward)?;
        let (by, reason) = (AUTOMATIC.into(), Some(reason));
        events.push(Event::ContributionReviewed { id, decision, reward, by, reason });
    }
    let reply = Reply::Contributed(Box::new((id, contribution)));
    let mut decided = machine::Decision::of(events, Answer::Now(reply));
    decided.raw_events =
        metadata.map(|text| Arc::new(about(id, text, context))).into_iter().collect();
    Ok(decided)
}

/// Metadata as what is about a person: kept apart from what replay needs.
fn about(id: ContributionId, metadata: Box<str>, context: &Context<'_>) -> RawEvent {
    RawEvent {
        id: id.to_string(),
        event_type: EventType::Identify,
        timestamp: context.now,
        name: Some(METADATA.to_owned()),
        user_id: None,
        anonymous_id: None,
        session_id: None,
        page_url: None,
        page_title: None,
        referrer: None,
        properties: Some(metadata.into()),
        context: None,
    }
}

pub(super) fn review(
    user: &User,
    id: ContributionId,
    decision: Decision,
    by: Box<str>,
    reason: Option<Box<str>>,
) -> Result<machine::Decision<User>, Refusal> {
    let known = user.contribution(id).ok_or(Refusal::NoSuchContribution { id })?;
    let reward = earned(user, decision, known.reward)?;
    let status = decision.status();
    let reply = Reply::Reviewed { id, status, reward };
    if known.status == status {
        // The same judgement again changes nothing and earns nothing.
        return Ok(machine::Decision::reply(reply));
    }
    if known.status != ReviewStatus::Pending {
        return Err(Refusal::AlreadyReviewed { status: known.status });
    }
    let event = Event::ContributionReviewed { id, decision, reward, by, reason };
    Ok(machine::Decision::of(vec![event], Answer::Now(reply)))
}

fn earned(user: &User, decision: Decision, reward: Micros) -> Result<Micros, Refusal> {
    match decision {
        Decision::Approved => {
            user.earned_total().checked_add(reward).ok_or(Refusal::TooMuch)?;
            Ok(reward)
        }
        Decision::Rejected => Ok(Micros::ZERO),
    }
}

pub(super) fn apply_review(
    user: &mut User,
    id: ContributionId,
    decision: Decision,
    reward: Micros,
) {
    if let Some(contribution) = user.market_mut().contributions.get_mut(&id) {
        contribution.status = decision.status();
    }
    if !reward.is_zero() {
        let accrual = user.accrual_mut(Payer::Pool);
        accrual.pending = accrual.pending.saturating_add(reward);
    }
}

pub(super) fn delete(user: &User, id: ContributionId) -> Result<machine::Decision<User>, Refusal> {
    let known = user.contribution(id).ok_or(Refusal::NoSuchContribution { id })?;
    if let Some(listing) = user.listing_of(id) {
        return Err(Refusal::Listed { listing });
    }
    let sha256 = known.sha256;
    let events = vec![Event::ContributionDeleted { id, sha256 }];
    Ok(machine::Decision::of(events, Answer::Now(Reply::Deleted { id, sha256 })))
}
