//! Contributing: an upload becomes a contribution. Automatic checks, where they are configured,
//! judge it at once.

use std::sync::Arc;

use super::review::reward_for;
use super::{Event, MAX_CONTRIBUTIONS, Refusal, User};
use crate::context::Context;
use crate::contribution::{
    Contribution, MediaType, Originality, ReviewDecision, ReviewStatus, Uses,
};
use crate::event::{EventType, RawEvent};
use crate::id::ContributionId;
use crate::machine::{Answer, Command, Decided, Decision};
use crate::money::Micros;

/// Makes a contribution of an upload whose content is stored already.
#[derive(Clone, Debug)]
pub struct Contribute {
    /// A new id for the contribution.
    pub id: ContributionId,
    /// The format, found from the content.
    pub media_type: MediaType,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The size of the content, in bytes.
    pub size: u64,
    /// The uses that the owner allows.
    pub uses: Uses,
    /// Whether somebody else has contributed the same content.
    pub originality: Originality,
    /// The judgement of automatic checks; `None` leaves it to a person.
    pub judged: Option<Judgement>,
    /// The owner's metadata: a JSON object, as text; at most 16 KiB, checked at the edge.
    pub metadata: Option<Box<str>>,
    /// Whether the content has earned before in this environment, for anybody, deleted since or
    /// not: then it earns nothing more.
    pub rewarded_before: bool,
}

/// The judgement of automatic checks on an upload.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Whether the upload is approved.
    pub decision: ReviewDecision,
    /// The reason, for the record.
    pub reason: Box<str>,
}

/// The reply to [`Contribute`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributed {
    /// The id of the contribution.
    pub id: ContributionId,
    /// The contribution as it is now.
    pub contribution: Contribution,
}

/// The name of the raw event that holds a contribution's metadata.
const METADATA: &str = "contribution metadata";

/// The name under which automatic checks judge, in place of an operator's.
const AUTOMATIC: &str = "automatic checks";

impl Command for Contribute {
    type Machine = User;
    type Reply = Contributed;

    fn decide(self, user: &User, context: &Context<'_>) -> Decided<Self> {
        let Self {
            id,
            media_type,
            sha256,
            size,
            uses,
            originality,
            judged,
            metadata,
            rewarded_before,
        } = self;
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
        let reward = match rewarded_before {
            true => Micros::ZERO,
            false => uses.reward(media_type.contribution_type()),
        };
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

/// Metadata as a raw event, which goes to the personal part of the record.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::earning::Payer;
    use crate::testing::*;

    /// Text that may be sold: its reward is 0.6 PRIV.
    fn text(judged: Option<ReviewDecision>) -> Contribute {
        let Contribution { media_type, sha256, size, uses, originality, .. } = contribution(1);
        let judged = judged.map(|decision| Judgement { decision, reason: "format".into() });
        let (id, metadata, rewarded_before) = (contribution_id(1), None, false);
        Contribute {
            id,
            media_type,
            sha256,
            size,
            uses,
            originality,
            judged,
            metadata,
            rewarded_before,
        }
    }

    fn approved() -> Contribute {
        text(Some(ReviewDecision::Approved))
    }

    const REWARD: Micros = micros(600_000);

    #[test]
    fn guards_refuse_in_their_order() {
        check_guards(
            &(user("ada"), approved()),
            refusal,
            &[
                (|(ada, _)| ada.becomes(person("bob")), Refusal::BecamePerson),
                (
                    |(ada, command)| ada.owned(7).sha256 = command.sha256,
                    Refusal::DuplicateContent { first: contribution_id(7) },
                ),
                (
                    |(ada, _)| ada.contributes_until(MAX_CONTRIBUTIONS),
                    Refusal::TooMany { what: "contributions", limit: 20_000 },
                ),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX), Refusal::TooMuch),
            ],
        );
    }

    #[test]
    fn bounds_hold_exactly_at_their_edge() {
        let too_many = Refusal::TooMany { what: "contributions", limit: MAX_CONTRIBUTIONS };
        check_edges(
            &(user("ada"), approved()),
            refusal,
            &[
                (|(ada, _)| ada.contributes_until(MAX_CONTRIBUTIONS - 1), None),
                (|(ada, _)| ada.contributes_until(MAX_CONTRIBUTIONS), Some(too_many)),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX - 600_000), None),
                (|(ada, _)| ada.earns(Payer::Pool, u64::MAX - 599_999), Some(Refusal::TooMuch)),
                // An upload that earns nothing, or not yet, always fits.
                (
                    |(ada, command)| {
                        *command = text(Some(ReviewDecision::Rejected));
                        ada.earns(Payer::Pool, u64::MAX);
                    },
                    None,
                ),
                (
                    |(ada, command)| {
                        *command = text(None);
                        ada.earns(Payer::Pool, u64::MAX);
                    },
                    None,
                ),
                // An upload with other content is no duplicate.
                (|(ada, _)| ada.contributes(7), None),
            ],
        );
    }

    #[test]
    fn an_upload_is_added_and_judged_where_checks_can() {
        use ReviewDecision::{Approved, Rejected};
        // The judgement of the checks; the status, and what is earned.
        let rows = [
            (None, ReviewStatus::Pending, Micros::ZERO),
            (Some(Approved), ReviewStatus::Approved, REWARD),
            (Some(Rejected), ReviewStatus::Rejected, Micros::ZERO),
        ];
        for (judged, status, reward) in rows {
            let mut ada = user("ada");
            let step = ada.ask(text(judged));
            let id = contribution_id(1);
            let pending = Contribution { status: ReviewStatus::Pending, ..contribution(1) };
            let mut events = vec![Event::ContributionAdded { id, contribution: pending.clone() }];
            events.extend(judged.map(|decision| {
                let (by, reason) = ("automatic checks".into(), Some("format".into()));
                Event::ContributionReviewed { id, decision, reward, by, reason }
            }));
            assert_eq!(step.events, events);
            let contribution = Contribution { status, ..pending };
            let reply = Contributed { id, contribution: contribution.clone() };
            assert_eq!(step.answer, Answer::Now(reply));
            assert_eq!(ada.contribution(id), Some(&contribution));
            assert_eq!((ada.pending(), ada.available), (reward, Micros::ZERO));
        }
    }

    #[test]
    fn what_its_owner_says_of_it_is_kept_apart() {
        let said = Contribute { metadata: Some(r#"{"a":1}"#.into()), ..text(None) };
        let step = user("ada").ask(said);
        let [about] = &*step.raw_events else { panic!("{step:?}") };
        let expected = RawEvent {
            id: contribution_id(1).to_string(),
            event_type: EventType::Identify,
            timestamp: NOW,
            name: Some("contribution metadata".to_owned()),
            user_id: None,
            anonymous_id: None,
            session_id: None,
            page_url: None,
            page_title: None,
            referrer: None,
            properties: Some(r#"{"a":1}"#.to_owned()),
            context: None,
        };
        assert_eq!(**about, expected);
        assert_eq!(user("ada").ask(text(None)).raw_events, []);
    }

    #[test]
    fn content_that_has_earned_before_earns_nothing() {
        for judged in [None, Some(ReviewDecision::Approved)] {
            let mut ada = user("ada");
            ada.ask(Contribute { rewarded_before: true, ..text(judged) });
            assert_eq!((ada.pending(), ada.owned(1).reward), (micros(0), micros(0)));
        }
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        check_repeats(user("ada"), &approved());
        check_repeats(user("ada"), &text(None));
    }
}
