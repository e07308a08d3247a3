//! Contributing: an upload becomes a contribution, and is judged at once where automatic checks
//! can.

use std::sync::Arc;

use super::review::reward_for;
use super::{Event, MAX_CONTRIBUTIONS, Refusal, User};
use crate::contribution::{
    Contribution, MediaType, Originality, ReviewDecision, ReviewStatus, Uses,
};
use crate::event::{EventType, RawEvent};
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Context, Decided, Decision};

/// Makes a contribution of an upload whose content is stored.
#[derive(Clone, Debug)]
pub struct Contribute {
    /// Names it; new.
    pub id: ContributionId,
    /// The format, found from its content.
    pub media_type: MediaType,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// The size of its content, in bytes.
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

/// What automatic checks say of an upload.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Whether it is approved.
    pub decision: ReviewDecision,
    /// Which check says so.
    pub reason: Box<str>,
}

/// The reply to [`Contribute`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributed {
    /// Names the contribution.
    pub id: ContributionId,
    /// The contribution as it is now.
    pub contribution: Contribution,
}

/// The name of what a contribution's owner says of it, among what is about a person.
const METADATA: &str = "contribution metadata";

/// Who judged where automatic checks did.
const AUTOMATIC: &str = "automatic checks";

impl Command for Contribute {
    type Machine = User;
    type Reply = Contributed;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self { id, media_type, sha256, size, uses, originality, judged, metadata } = self;
        if user.became().is_some() {
            return Err(Refusal::BecamePerson);
        }
        let known = user.market.as_ref().map(|market| &market.contributions);
        let same =
            known.into_iter().flatten().find(|(_, contribution)| contribution.sha256 == sha256);
        if let Some((first, _)) = same {
            return Err(Refusal::DuplicateContent { first: *first });
        }
        if known.is_some_and(|known| known.len() >= MAX_CONTRIBUTIONS) {
            return Err(Refusal::TooMany { what: "contributions", limit: MAX_CONTRIBUTIONS });
        }
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
            let reward = reward_for(user, decision, reward)?;
            let (by, reason) = (AUTOMATIC.into(), Some(reason));
            events.push(Event::ContributionReviewed { id, decision, reward, by, reason });
        }
        let decided = Decision::of(events, Answer::Now(Contributed { id, contribution }));
        let about = metadata.map(|text| Arc::new(about(id, text, context)));
        Ok(decided.about(about.into_iter().collect()))
    }
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
