//! The events that bodies are read into, and the reasons for which some are not taken.

use priv_domain::{EventType, Timestamp};
use serde_json::value::RawValue;

/// An event, from any family of clients.
#[derive(Clone, Debug)]
pub struct IncomingEvent {
    /// The id that the client gave it; `None` if it is for us to make one.
    pub id: Option<String>,
    /// Whether it is a track, a page view or an identify.
    pub event_type: EventType,
    /// Its name, at most 200 characters.
    pub name: Option<String>,
    /// The user whom it is about, by the id that the app gave. `None` only if `anonymous_id` is
    /// there.
    pub user_id: Option<String>,
    /// The user whom it is about, by an id that the client made. `None` only if `user_id` is there.
    pub anonymous_id: Option<String>,
    /// The visit that it belongs to.
    pub session_id: Option<String>,
    /// A JSON object, as it was sent: its properties, or its traits if it is an
    /// [`EventType::Identify`].
    pub properties: Option<Box<RawValue>>,
    /// A JSON object, as it was sent: the client's description of itself.
    pub context: Option<Box<RawValue>>,
    /// The address of the page, at most 4 KiB.
    pub page_url: Option<String>,
    /// The title of the page, at most 4 KiB.
    pub page_title: Option<String>,
    /// The address of the page before, at most 4 KiB.
    pub referrer: Option<String>,
    /// When it happened, by our clock.
    pub timestamp: Timestamp,
    /// Whether the client says that the user agreed to analytics; `None` if it does not say.
    pub consent_given: Option<bool>,
}

/// The contents of a body.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The project's key, if the body has one (`writeKey`, `api_key`, `token`).
    pub write_key: Option<String>,
    /// One result for each event, in the order of the body.
    pub events: Vec<Result<IncomingEvent, Refused>>,
}

/// Why one event was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whether the event is at fault, or merely not kept here.
    pub refusal: Refusal,
    /// A stable word for programs, such as `missing_user`.
    pub code: &'static str,
    /// A sentence for people: what is wrong, and what to send instead.
    pub message: String,
    /// The id that the client gave the event; `None` if it can't be read.
    pub id: Option<String>,
}

/// The two ways in which an event is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is a proper event, of a kind that is not kept here.
    Dropped,
    /// It is not a proper event.
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
