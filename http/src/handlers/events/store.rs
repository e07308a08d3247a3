//! Sends each user's events to their actor, and collects the verdicts.

use futures_util::future::join_all;
use priv_actors::AskError;
use priv_domain::earning::Terms;
use priv_domain::user::{RecordEvents, Recorded, Refusal, Verdict};
use priv_domain::{EntityId, Micros};

use super::collect::{Collected, Group};
use crate::auth::KeyInfo;
use crate::error::ApiError;
use crate::ingest::EventOutcome;
use crate::state::AppState;

/// The outcomes of a request's events.
pub(super) struct Stored {
    /// The outcome of each event, in the order of the body.
    pub(super) outcomes: Vec<EventOutcome>,
    /// What all of them earned, in total.
    pub(super) earned: Micros,
}

/// Sends a request's events to their users.
///
/// # Errors
/// OVERLOADED if nothing is lost by sending all of it again, PAYLOAD_TOO_LARGE, SERVER_ERROR.
pub(super) async fn store(
    state: &AppState,
    key: &KeyInfo,
    collected: Collected,
    privacy_control: bool,
    dry_run: bool,
) -> Result<Stored, ApiError> {
    let facts = state
        .node
        .project(key.environment, key.project)
        .ok_or_else(|| ApiError::invalid_api_key("The provided API key is invalid"))?;
    let settings = &facts.settings;
    let request = RecordEvents {
        project: key.project,
        policy: settings.consent_policy,
        terms: Terms {
            rates: settings.rates,
            daily_cap: settings.daily_cap,
            budget: facts.budget(),
        },
        privacy_control,
        events: Vec::new(),
        dry_run,
    };
    let Collected { groups, outcomes, all_named } = collected;
    let mut stored = Stored { outcomes, earned: Micros::ZERO };
    let mut left = groups;
    // Events of a user who became a person go on to that person, once.
    while !left.is_empty() {
        let asked = left.into_iter().map(|group| ask(state, group, &request));
        let mut moved = Vec::new();
        for (group, answer) in join_all(asked).await {
            match answer {
                Ok(recorded) => moved.extend(stored.take(group, recorded)),
                // Its events have no verdict.
                Err(AskError::Overloaded) => {}
                Err(error) => return Err(error.into()),
            }
        }
        left = moved;
    }
    let took_some = stored.verdicts().any(|one| matches!(one, Some(Verdict::Accepted { .. })));
    if stored.is_overloaded() && (all_named || !took_some) {
        return Err(ApiError::overloaded(1));
    }
    Ok(stored)
}

/// Sends a user's events to them. The node waits for room as long as that helps; after that,
/// clients come again: waiting longer here would only keep more requests in memory when it is
/// scarce.
async fn ask(
    state: &AppState,
    group: Group,
    request: &RecordEvents,
) -> (Group, Result<Recorded, AskError<Refusal>>) {
    let events = group.events.clone();
    let command = RecordEvents { events, ..request.clone() };
    let answered = state.node.ask(&group.user, command, None).await;
    (group, answered.map(|answered| answered.reply))
}

impl Stored {
    /// Records the verdicts; returns the events that belong to another user.
    fn take(&mut self, group: Group, recorded: Recorded) -> Option<Group> {
        self.earned = self.earned.saturating_add(recorded.earned);
        let mut moved = Moved::new(recorded.became);
        let Group { indexes, events, .. } = group;
        for ((index, event), judged) in indexes.into_iter().zip(events).zip(recorded.verdicts) {
            match (judged, &mut self.outcomes[index]) {
                (Verdict::Elsewhere, _) => moved.push(index, event),
                (_, EventOutcome::Sent { verdict, .. }) => *verdict = Some(judged),
                (_, EventOutcome::Refused(_)) => {}
            }
        }
        moved.group()
    }

    /// The verdict of each event that was sent to a user; `None` if it found no room.
    fn verdicts(&self) -> impl Iterator<Item = Option<Verdict>> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            EventOutcome::Sent { verdict, .. } => Some(*verdict),
            EventOutcome::Refused(_) => None,
        })
    }

    /// Whether some event could not be stored for lack of room.
    pub(super) fn is_overloaded(&self) -> bool {
        self.verdicts().any(|verdict| verdict.is_none())
    }
}

/// Events on their way to the person that their user became.
struct Moved {
    to: Option<EntityId>,
    indexes: Vec<usize>,
    events: Vec<priv_domain::user::NewEvent>,
}

impl Moved {
    fn new(to: Option<EntityId>) -> Self {
        Self { to, indexes: Vec::new(), events: Vec::new() }
    }

    fn push(&mut self, index: usize, event: priv_domain::user::NewEvent) {
        self.indexes.push(index);
        self.events.push(event);
    }

    fn group(self) -> Option<Group> {
        let Self { to, indexes, events } = self;
        to.filter(|_| !events.is_empty()).map(|user| Group { user, indexes, events })
    }
}
