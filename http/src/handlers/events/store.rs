//! Bringing each user's events to their actor, and putting the verdicts together.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::future::join_all;
use priv_actors::AskError;
use priv_domain::earning::Terms;
use priv_domain::user::{RecordEvents, Recorded, Refusal, Verdict};
use priv_domain::{EntityId, Micros};

use super::collect::{Collected, Group, Slot};
use super::taken;
use crate::auth::KeyInfo;
use crate::error::ApiError;
use crate::ingest::{self, EventAnswer, Taken};
use crate::state::AppState;

/// How often a full service is tried again before the client is told to come later.
const TRIES: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// What became of a request's events.
pub(super) struct Stored {
    slots: Vec<Slot>,
    verdicts: Vec<Option<Fate>>,
    /// What they earned together.
    pub(super) earned: Micros,
}

/// What became of one event.
#[derive(Clone, Copy)]
enum Fate {
    Judged(Verdict),
    /// The service is full.
    Overloaded,
}

/// Brings a request's events to their users.
///
/// # Errors
/// OVERLOADED where nothing is lost by sending all of it again, PAYLOAD_TOO_LARGE, SERVER_ERROR.
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
    let Collected { groups, slots, all_named } = collected;
    let mut stored = Stored { verdicts: vec![None; slots.len()], slots, earned: Micros::ZERO };
    let mut left = groups;
    // A user who became a person sends their events on to them, once.
    while !left.is_empty() {
        let asked = left.into_iter().map(|group| ask(state, group, &request));
        let mut moved = Vec::new();
        for (group, answer) in join_all(asked).await {
            match answer {
                Ok(recorded) => moved.extend(stored.take(group, recorded)),
                Err(AskError::Overloaded) => stored.overloaded(&group),
                Err(error) => return Err(error.into()),
            }
        }
        left = moved;
    }
    let took_some = stored
        .verdicts
        .iter()
        .any(|fate| matches!(fate, Some(Fate::Judged(Verdict::Accepted { .. }))));
    if stored.is_overloaded() && (all_named || !took_some) {
        return Err(ApiError::overloaded(1));
    }
    Ok(stored)
}

async fn ask(
    state: &AppState,
    group: Group,
    request: &RecordEvents,
) -> (Group, Result<Recorded, AskError<Refusal>>) {
    for attempt in 1.. {
        let events = group.events.clone();
        let command = RecordEvents { events, ..request.clone() };
        match state.node.ask(&group.user, command, None).await {
            Ok(answered) => return (group, Ok(answered.reply)),
            Err(AskError::Overloaded) if attempt < TRIES => {
                tokio::time::sleep(TRY_AGAIN).await;
            }
            Err(error) => return (group, Err(error)),
        }
    }
    (group, Err(AskError::Overloaded))
}

impl Stored {
    /// Notes the verdicts; returns the events that belong to another user.
    fn take(&mut self, group: Group, recorded: Recorded) -> Option<Group> {
        self.earned = self.earned.saturating_add(recorded.earned);
        let mut moved = Moved::new(recorded.became);
        let Group { indexes, events, .. } = group;
        for ((index, event), verdict) in indexes.into_iter().zip(events).zip(recorded.verdicts) {
            match verdict {
                Verdict::Elsewhere => moved.push(index, event),
                Verdict::Accepted { .. }
                | Verdict::Duplicate
                | Verdict::ConsentWithdrawn
                | Verdict::ConsentMissing
                | Verdict::TooMany => self.verdicts[index] = Some(Fate::Judged(verdict)),
            }
        }
        moved.group()
    }

    /// Whether an event could not be stored for lack of room.
    pub(super) fn is_overloaded(&self) -> bool {
        self.verdicts.iter().any(|fate| matches!(fate, Some(Fate::Overloaded)))
    }

    fn overloaded(&mut self, group: &Group) {
        for index in &group.indexes {
            self.verdicts[*index] = Some(Fate::Overloaded);
        }
    }

    /// The answers, in the order of the body.
    pub(super) fn answers(&self) -> impl Iterator<Item = EventAnswer<'_>> {
        self.slots.iter().zip(&self.verdicts).map(|(slot, fate)| match slot {
            Slot::Refused(refused) => EventAnswer::from(refused),
            Slot::Stored(id) => EventAnswer { id: Some(id.into()), result: result(*fate) },
        })
    }
}

/// Events on their way to the person whom their user became.
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

type EventResult<'a> = Result<Taken, (ingest::Verdict, Cow<'a, str>, Cow<'a, str>)>;

fn result<'a>(fate: Option<Fate>) -> EventResult<'a> {
    let refused = |verdict, code: &'a str, message: &'a str| {
        Err((verdict, Cow::Borrowed(code), Cow::Borrowed(message)))
    };
    use ingest::Verdict::{Dropped, Rejected};
    match fate {
        Some(Fate::Judged(verdict)) => match (taken(verdict), verdict) {
            (Some(taken), _) => Ok(taken),
            (None, Verdict::ConsentWithdrawn) => {
                refused(Dropped, "consent_withdrawn", "The user has refused analytics")
            }
            (None, Verdict::ConsentMissing) => refused(
                Dropped,
                "consent_missing",
                "The user has not been asked, and the event does not say that consent was given",
            ),
            (None, _) => refused(
                Rejected,
                "too_many_events",
                "This user has sent more events in three days than repeats are recognised among",
            ),
        },
        // A client of PostHog's sends it again by itself; in our own words it reads `retry`.
        Some(Fate::Overloaded) | None => Ok(Taken::Later),
    }
}
