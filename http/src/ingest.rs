//! Reads what clients send as events into one form.
//!
//! Takes decompressed bytes of at most [`MAX_BODY_BYTES`], and gives [`IncomingEvent`]s and the
//! bodies of answers. It understands three families of clients: ours, those of Segment's HTTP API,
//! and PostHog's. `docs/compatibility.md` describes what each sends, and what it does with an
//! answer.
//!
//! *Invariant*: an event that can't be taken never affects its neighbours: each place in the body
//! has its own result at the same place in [`Batch::events`]. Only a body from which nothing could
//! be read is an error as a whole ([`Unreadable`]).
//!
//! Left out on purpose: reading and decompressing the body, identifying the caller, consent
//! records, and storing events.

mod answer;
mod consent;
mod dialect;
mod envelope;
mod event;
mod fields;
mod form;
mod limits;
mod native;
mod posthog;
mod shared;
mod text;
mod time;
mod unreadable;

#[cfg(test)]
mod tests;

pub(crate) use answer::Ingested;
pub use answer::{
    CAPTURE_ANSWER, EventOutcome, Listed, REMOTE_CONFIG_ANSWER, capture_v1_answer, events_answer,
    flags_answer, segment_settings_answer,
};
pub use dialect::{Dialect, PostHogRoute, PrivRoute, SegmentRoute};
pub use event::{Batch, IncomingEvent, Refusal, Refused};
pub use limits::{
    MAX_BODY_BYTES, MAX_DEPTH, MAX_EVENTS, MAX_ID_BYTES, MAX_NAME_CHARS, MAX_PAGE_FIELD_BYTES,
    MAX_PROPERTIES_BYTES, MAX_SHARED_CONTEXT_BYTES,
};
pub use time::{Arrival, moment};
pub use unreadable::Unreadable;

use envelope::{Envelope, Item};
use event::Problem;
use fields::{EventFields, EventKey};
use shared::Shared;

/// Reads a body. `arrival` is the time of receipt; if a header or the query says when the client
/// sent the request, that time too.
///
/// # Errors
/// [`Unreadable`] if nothing could be read. What is wrong with one event is that event's result.
pub fn parse(
    body: &[u8],
    dialect: Dialect,
    arrival: impl Into<Arrival>,
) -> Result<Batch, Unreadable> {
    let body = match dialect {
        Dialect::PostHog(_) => form::unwrapped(body)?,
        Dialect::Priv(_) | Dialect::Segment(_) => body.into(),
    };
    let text = text::utf8(&body)?;
    let envelope = Envelope::read(text)?;
    let write_key = write_key(&envelope, dialect);
    let shared = Shared::of(&envelope, arrival.into());
    let events = envelope
        .items
        .iter()
        .map(|item| match item {
            Item::Event(fields) => read_event(fields, dialect, &shared),
            Item::Other => Err(not_an_object()),
        })
        .collect();
    Ok(Batch { write_key, events })
}

fn read_event(
    fields: &EventFields<'_>,
    dialect: Dialect,
    shared: &Shared<'_>,
) -> Result<IncomingEvent, Refused> {
    let (event, id) = match dialect {
        Dialect::Priv(route) => {
            (native::read(fields, route.into(), shared), native::event_id(fields))
        }
        Dialect::Segment(route) => {
            (native::read(fields, route.into(), shared), native::event_id(fields))
        }
        Dialect::PostHog(_) => (posthog::read(fields, shared), fields.get(EventKey::Uuid)),
    };
    event.map_err(|problem| problem.of(text::lenient_id(id)))
}

fn not_an_object() -> Refused {
    Problem::rejected("not_an_object", "an event must be a JSON object").of(None)
}

fn write_key(envelope: &Envelope<'_>, dialect: Dialect) -> Option<String> {
    let first = envelope.items.iter().find_map(|item| match item {
        Item::Event(fields) => Some(fields),
        Item::Other => None,
    });
    let key = |fields: &EventFields<'_>| text::lenient_id(fields.get(EventKey::WriteKey));
    key(&envelope.fields).or_else(|| first.and_then(key)).or_else(|| match dialect {
        Dialect::PostHog(_) => first.and_then(posthog::token),
        Dialect::Priv(_) | Dialect::Segment(_) => None,
    })
}
