//! Groups a request's events by user.

use std::collections::HashMap;
use std::sync::Arc;

use priv_domain::event::RawEvent;
use priv_domain::user::NewEvent;
use priv_domain::{EntityId, EventKey, ProjectId, RequestTag, UserRef};
use ulid::Ulid;

use crate::auth::{KeyInfo, PersonIds, check_user_id, user_of};
use crate::ingest::{Batch, EventOutcome, IncomingEvent, Refusal, Refused};
use crate::middleware::RequestContext;

/// A request's events by user, and the outcomes of those that can't be stored at all.
pub(super) struct Collected {
    pub(super) groups: Vec<Group>,
    /// The outcome of each event, in the order of the body; those in `groups` have no verdict yet.
    pub(super) outcomes: Vec<EventOutcome>,
    /// Whether the client has given each event an id: then sending all of them again is safe.
    pub(super) all_named: bool,
}

/// The events of one user, and where each stands in the body.
pub(super) struct Group {
    pub(super) user: EntityId,
    pub(super) indexes: Vec<usize>,
    pub(super) events: Vec<NewEvent>,
}

impl Collected {
    pub(super) fn new(
        batch: Batch,
        key: &KeyInfo,
        context: &RequestContext,
        tag: Option<RequestTag>,
    ) -> Self {
        let mut collected = Self {
            groups: Vec::new(),
            outcomes: Vec::with_capacity(batch.events.len()),
            // With an idempotency key, events without an id get the same one in a repeat.
            all_named: true,
        };
        let mut by_user = Places::default();
        for (index, event) in batch.events.into_iter().enumerate() {
            let event = match event {
                Ok(event) => event,
                Err(refused) => {
                    collected.outcomes.push(EventOutcome::Refused(refused));
                    continue;
                }
            };
            let user = match user_of_event(&event, key.project, context.person_ids()) {
                Ok(user) => user,
                Err(message) => {
                    collected.outcomes.push(EventOutcome::Refused(Refused {
                        refusal: Refusal::Rejected,
                        code: "invalid_user",
                        message,
                        id: event.id,
                    }));
                    continue;
                }
            };
            collected.all_named &= event.id.is_some() || tag.is_some();
            let event = named(event, index, key.project, context, tag);
            collected.outcomes.push(EventOutcome::Sent { id: event.raw.id.clone(), verdict: None });
            let group = by_user.place_of(user, |user| {
                let user = EntityId::user(key.environment, user);
                collected.groups.push(Group { user, indexes: Vec::new(), events: Vec::new() });
                collected.groups.len() - 1
            });
            collected.groups[group].indexes.push(index);
            collected.groups[group].events.push(event);
        }
        collected
    }
}

/// The place of each user's group. Most bodies have one user's events, and then nothing is hashed.
#[derive(Default)]
struct Places {
    last: Option<(UserRef, usize)>,
    others: HashMap<UserRef, usize>,
}

impl Places {
    fn place_of(&mut self, user: UserRef, new: impl FnOnce(&UserRef) -> usize) -> usize {
        if let Some((last, place)) = self.last.take() {
            if last == user {
                self.last = Some((last, place));
                return place;
            }
            self.others.insert(last, place);
        }
        let place = self.others.get(&user).copied().unwrap_or_else(|| new(&user));
        self.last = Some((user, place));
        place
    }
}

fn user_of_event(
    event: &IncomingEvent,
    project: ProjectId,
    person_ids: PersonIds,
) -> Result<UserRef, String> {
    match (&event.user_id, &event.anonymous_id) {
        (Some(id), _) => user_of(id, project, person_ids).map_err(|why| format!("user_id {why}")),
        (None, Some(id)) => match check_user_id(id) {
            Ok(()) => Ok(UserRef::Anonymous(project, id.as_str().into())),
            Err(why) => Err(format!("anonymous_id {why}")),
        },
        (None, None) => Err("an event needs a user_id or an anonymous_id".to_owned()),
    }
}

/// Gives the event its id: the client's, or else one of ours, which is the same again when the
/// request is repeated with its idempotency key.
fn named(
    event: IncomingEvent,
    index: usize,
    project: ProjectId,
    context: &RequestContext,
    tag: Option<RequestTag>,
) -> NewEvent {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&project.get().to_be_bytes());
    let id = match (event.id, tag) {
        (Some(id), _) => {
            hasher.update(b"id").update(id.as_bytes());
            id
        }
        (None, tag) => {
            let id = made_id(context);
            match tag {
                Some(tag) => {
                    let index = u64::try_from(index).unwrap_or(u64::MAX);
                    // Another body under the same key is not a repeat.
                    hasher.update(b"tag").update(&tag.key.to_be_bytes());
                    hasher.update(&tag.fingerprint.to_be_bytes());
                    hasher.update(&index.to_be_bytes());
                }
                None => {
                    hasher.update(b"id").update(id.as_bytes());
                }
            }
            id
        }
    };
    let key = hasher.finalize().as_bytes().first_chunk().copied().map_or(0, u128::from_be_bytes);
    NewEvent {
        key: EventKey(key),
        consent_given: event.consent_given,
        raw: Arc::new(RawEvent {
            id,
            event_type: event.event_type,
            timestamp: event.timestamp,
            name: event.name,
            user_id: event.user_id,
            anonymous_id: event.anonymous_id,
            session_id: event.session_id,
            page_url: event.page_url,
            page_title: event.page_title,
            referrer: event.referrer,
            properties: event.properties.map(|json| String::from(Box::<str>::from(json))),
            context: event.context.map(|json| String::from(Box::<str>::from(json))),
        }),
    }
}

fn made_id(context: &RequestContext) -> String {
    let millis = u64::try_from(context.received_at().as_millis()).unwrap_or(0);
    let mut random = [0; 16];
    // Without random numbers no request gets this far: keys and request ids need them too.
    let _ = getrandom::fill(&mut random);
    format!("evt_{}", Ulid::from_parts(millis, u128::from_be_bytes(random)))
}
