//! What clients send as events, read into one form.
//!
//! Bytes in (decompressed, at most [`MAX_BODY_BYTES`]), [`IncomingEvent`]s out, and the bodies of
//! the answers that go back. Three families of clients are understood: ours, those of Segment's
//! HTTP API, and PostHog's. What each of them sends, and what it does with an answer, is written
//! down in `docs/compatibility.md`.
//!
//! *Invariant*: an event that can't be taken never touches its neighbours: each place in the body
//! has its own result at the same place in [`Batch::events`]. Only a body out of which nothing
//! could be read is an error as a whole ([`Unreadable`]).
//!
//! Left out on purpose: reading and decompressing the body, who calls, consent records, and what
//! becomes of an event.

mod answer;
mod consent;
mod envelope;
mod fields;
mod form;
mod native;
mod posthog;
mod text;
mod time;

#[cfg(test)]
mod tests;

use priv_domain::Timestamp;
use serde_json::value::RawValue;

pub(crate) use answer::Ingested;
pub use answer::{
    CAPTURE_ANSWER, EventAnswer, Listed, REMOTE_CONFIG_ANSWER, Taken, capture_v1_answer,
    events_answer, flags_answer, segment_settings_answer,
};
pub use time::{Arrival, moment};

use envelope::{Envelope, Item};
use fields::{EventFields, EventKey};

/// Most bytes of a decompressed body; the reader of bodies enforces it.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Most events in one body.
pub const MAX_EVENTS: usize = 2_500;
/// Most bytes of an event's properties (or traits), as JSON text. The same for its context.
pub const MAX_PROPERTIES_BYTES: usize = 32 * 1024;
/// Most bytes of an id of any kind.
pub const MAX_ID_BYTES: usize = 255;
/// Most characters of an event's name.
pub const MAX_NAME_CHARS: usize = 200;
/// Most levels of arrays and objects in properties and context; with the three around them a body
/// stays within 64.
pub const MAX_DEPTH: usize = 60;
/// Most bytes of a page's address, title or referrer. Longer ones are cut, not refused.
pub const MAX_PAGE_FIELD_BYTES: usize = 4 * 1024;
/// Most bytes of a context that a batch gives once for all of its events. It is copied to each, so
/// a large one would turn a small body into a huge one; past this it is left out.
pub const MAX_SHARED_CONTEXT_BYTES: usize = 2 * 1024;

/// Whose words a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Ours, in either spelling.
    Priv(PrivRoute),
    /// Segment's HTTP API.
    Segment(SegmentRoute),
    /// PostHog's capture.
    PostHog(PostHogRoute),
}

/// Our own routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivRoute {
    /// `/events`: each event says its type.
    Events,
    /// `/identify`: `identify` unless the event says otherwise; `user_id` is required.
    Identify,
    /// `/page`: `page_view` unless the event says otherwise.
    Page,
}

/// Segment's routes, long and one-message forms alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentRoute {
    /// `/v1/batch`, `/v1/b`
    Batch,
    /// `/v1/track`, `/v1/t`
    Track,
    /// `/v1/identify`, `/v1/i`
    Identify,
    /// `/v1/page`, `/v1/p`
    Page,
    /// `/v1/screen`, `/v1/s`
    Screen,
    /// `/v1/group`, `/v1/g`
    Group,
    /// `/v1/alias`, `/v1/a`
    Alias,
}

/// PostHog's routes. They are read alike; each has an answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostHogRoute {
    /// `/e/`, `/capture/`, `/i/v0/e/`, `/track/`
    Capture,
    /// `/batch/`
    Batch,
    /// `/i/v1/analytics/events`
    V1,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Something was done.
    Track,
    /// A page was looked at.
    PageView,
    /// Traits of a user became known.
    Identify,
}

/// An event, whoever's client sent it.
#[derive(Clone, Debug)]
pub struct IncomingEvent {
    /// Its identity as the client gave it; `None` if it is ours to make.
    pub id: Option<String>,
    /// What kind of event it is.
    pub kind: EventKind,
    /// Its name, at most [`MAX_NAME_CHARS`] characters.
    pub name: Option<String>,
    /// Whom it is about, by the id that the app gave.
    pub user_id: Option<String>,
    /// Whom it is about, by an id that the client made up. This or `user_id` is there.
    pub anonymous_id: Option<String>,
    /// The visit that it belongs to.
    pub session_id: Option<String>,
    /// A JSON object, as it was sent: properties, or traits for [`EventKind::Identify`].
    pub properties: Option<Box<RawValue>>,
    /// A JSON object, as it was sent: what the client says about itself.
    pub context: Option<Box<RawValue>>,
    /// The page's address.
    pub page_url: Option<String>,
    /// The page's title.
    pub page_title: Option<String>,
    /// The page that led there.
    pub referrer: Option<String>,
    /// When it happened, by our clock.
    pub timestamp: Timestamp,
    /// Whether the client says that the user agreed; `None` if it says nothing.
    pub consent_given: Option<bool>,
}

/// All that a body held.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The key, where it is in the body (`writeKey`, `api_key`, `token`).
    pub write_key: Option<String>,
    /// One result for each event, in the order of the body.
    pub events: Vec<Result<IncomingEvent, Refused>>,
}

/// Why one event was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whether the event is at fault, or only of no use here.
    pub verdict: Verdict,
    /// A stable word for programs: `missing_user`.
    pub code: &'static str,
    /// What is wrong and what to send instead.
    pub message: String,
    /// The event's id as the client gave it, if that could be read.
    pub id: Option<String>,
}

/// How an event was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A proper event of a kind that is not kept here.
    Dropped,
    /// Not a proper event.
    Rejected,
}

/// Nothing could be read out of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No body at all.
    #[error("the body is empty; send {SHAPES}")]
    Empty,
    /// Not text.
    #[error(
        "the body is not UTF-8 (byte {at}); send JSON text in UTF-8, or name its compression in Content-Encoding"
    )]
    NotUtf8 {
        /// Where the first wrong byte is.
        at: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON: {problem}; send {SHAPES}")]
    NotJson {
        /// What the parser said, with line and column.
        problem: String,
    },
    /// JSON, but nothing that looks like an event.
    #[error("the body holds no event; send {SHAPES}")]
    NoEvent,
    /// `events` or `batch` is something else than a list.
    #[error("`events` and `batch` must be arrays of event objects")]
    NotAList,
    /// A form (`data=…`) that could not be decoded.
    #[error("the form field `data` could not be decoded: {0}")]
    Form(&'static str),
    /// More than [`MAX_EVENTS`]. Answered as too large, not as malformed.
    #[error(
        "{count} events in one body; at most {MAX_EVENTS} are taken, send them in smaller batches"
    )]
    TooMany {
        /// How many there were.
        count: usize,
    },
}

const SHAPES: &str = r#"{"events":[…]}, {"batch":[…]}, an array of events or one event object"#;

/// Reads a body. `arrival` is the time of receipt, or with it the time at which the client says
/// that it sent the request, where a header or the query says so.
///
/// # Errors
/// Only when nothing at all could be read; what is wrong with one event is that event's result.
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
    let reader = Reader::new(&envelope, arrival.into());
    let events = envelope
        .items
        .iter()
        .map(|item| match item {
            Item::Event(fields) => reader.event(fields, dialect),
            Item::Other => Err(not_an_object()),
        })
        .collect();
    Ok(Batch { write_key, events })
}

/// What the events of one body have in common.
struct Reader<'a> {
    arrival: Arrival,
    context: Option<&'a RawValue>,
    consent: Option<bool>,
}

impl<'a> Reader<'a> {
    fn new(envelope: &Envelope<'a>, mut arrival: Arrival) -> Self {
        if let Some(sent) = envelope.fields.get(EventKey::SentAt).and_then(time::read) {
            arrival.sent = Some(sent);
        }
        let context =
            envelope.shared_context().filter(|raw| raw.get().len() <= MAX_PROPERTIES_BYTES);
        Self {
            arrival,
            context: context.filter(|raw| raw.get().len() <= MAX_SHARED_CONTEXT_BYTES),
            consent: context.and_then(consent::in_context),
        }
    }

    fn event(&self, fields: &EventFields<'a>, dialect: Dialect) -> Result<IncomingEvent, Refused> {
        let (event, id) = match dialect {
            Dialect::Priv(route) => {
                (native::read(fields, route.into(), self), native::event_id(fields))
            }
            Dialect::Segment(route) => {
                (native::read(fields, route.into(), self), native::event_id(fields))
            }
            Dialect::PostHog(_) => (posthog::read(fields, self), fields.get(EventKey::Uuid)),
        };
        event.map_err(|problem| problem.of(text::lenient_id(id)))
    }
}

/// What is wrong with an event, before it is known which event that is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    verdict: Verdict,
    code: &'static str,
    message: String,
}

impl Problem {
    fn rejected(code: &'static str, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Rejected, code, message: message.into() }
    }

    fn unsupported(what: &str) -> Self {
        let message = format!("{what} events are not kept here; track, page view and identify are");
        Self { verdict: Verdict::Dropped, code: "unsupported_type", message }
    }

    fn of(self, id: Option<String>) -> Refused {
        Refused { verdict: self.verdict, code: self.code, message: self.message, id }
    }
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
