//! What a body comes down to: events, and why some were not taken.

use priv_domain::{EventType, Timestamp};
use serde_json::value::RawValue;

/// An event, whoever's client sent it.
#[derive(Clone, Debug)]
pub struct IncomingEvent {
    /// Its identity as the client gave it; `None` if it is ours to make.
    pub id: Option<String>,
    /// What kind of event it is.
    pub event_type: EventType,
    /// Its name, at most 200 characters.
    pub name: Option<String>,
    /// Whom it is about, by the id that the app gave.
    pub user_id: Option<String>,
    /// Whom it is about, by an id that the client made up. This or `user_id` is there.
    pub anonymous_id: Option<String>,
    /// The visit that it belongs to.
    pub session_id: Option<String>,
    /// A JSON object, as it was sent: properties, or traits for [`EventType::Identify`].
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
    pub refusal: Refusal,
    /// A stable word for programs: `missing_user`.
    pub code: &'static str,
    /// What is wrong and what to send instead.
    pub message: String,
    /// The event's id as the client gave it, if that could be read.
    pub id: Option<String>,
}

/// How an event was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A proper event of a kind that is not kept here.
    Dropped,
    /// Not a proper event.
    Rejected,
}

/// What is wrong with an event, before it is known which event that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) refusal: Refusal,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn rejected(code: &'static str, message: impl Into<String>) -> Self {
        Self { refusal: Refusal::Rejected, code, message: message.into() }
    }

    pub(super) fn unsupported(what: &str) -> Self {
        let message = format!("{what} events are not kept here; track, page view and identify are");
        Self { refusal: Refusal::Dropped, code: "unsupported_type", message }
    }

    pub(super) fn of(self, id: Option<String>) -> Refused {
        Refused { refusal: self.refusal, code: self.code, message: self.message, id }
    }

    pub(super) fn missing_user() -> Self {
        let message = "say whom the event is about: user_id or anonymous_id (userId, anonymousId)";
        Self::rejected("missing_user", message)
    }
}
