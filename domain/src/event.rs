//! Raw events: what an app sends about a thing that a user did.

use crate::time::Timestamp;

/// The type of an event, which sets its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// An action under a name of the app's own.
    Track,
    /// A page was viewed.
    PageView,
    /// The app told who a user is.
    Identify,
}

impl EventType {
    /// All types, in the order in which they are declared.
    pub const ALL: [Self; 3] = [Self::Track, Self::PageView, Self::Identify];

    /// The type's name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::PageView => "page_view",
            Self::Identify => "identify",
        }
    }
}

/// An event's identity within a user's stream: a 128-bit hash of project and event id, or,
/// where a request with an idempotency key has an event without an id, of the request's tag and the
/// event's place in the request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventKey(pub u128);

/// An event in full, as it is stored. All of it is personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// The id that the app gave, or that was made for an event without one.
    pub id: String,
    /// The type of the event.
    pub event_type: EventType,
    /// The time at which it happened, corrected for the sender's clock.
    pub timestamp: Timestamp,
    /// The app's name for the action; `None` if it gave none.
    pub name: Option<String>,
    /// The user's id as the app gave it; `None` for a visitor it has not identified.
    pub user_id: Option<String>,
    /// The visitor's anonymous id as the app gave it, if it gave one.
    pub anonymous_id: Option<String>,
    /// The visit that the event belongs to, as the app names it.
    pub session_id: Option<String>,
    /// The address of the page.
    pub page_url: Option<String>,
    /// The title of the page.
    pub page_title: Option<String>,
    /// The address of the page that led there.
    pub referrer: Option<String>,
    /// What the app says about the event, or of the user for [`EventType::Identify`]: a JSON
    /// object, as text.
    pub properties: Option<String>,
    /// What the client says about itself: a JSON object, as text.
    pub context: Option<String>,
}
