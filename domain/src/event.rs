//! What apps send: a thing that a user did.

use crate::time::Timestamp;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Something with a name of the app's own.
    Track,
    /// A page was looked at.
    PageView,
    /// The app says who a user is.
    Identify,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Track, Self::PageView, Self::Identify];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::PageView => "page_view",
            Self::Identify => "identify",
        }
    }
}

/// An event's identity within a user's stream: a 128-bit hash of project and event id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventKey(pub u128);

/// An event in full, as it is stored. All of it is about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// The id that the app gave, or that was made for it.
    pub id: String,
    /// What kind.
    pub event_type: EventType,
    /// When it happened, corrected for the sender's clock.
    pub timestamp: Timestamp,
    /// The app's name for what was done.
    pub name: Option<String>,
    /// As the app gave it.
    pub user_id: Option<String>,
    /// As the app gave it.
    pub anonymous_id: Option<String>,
    /// As the app gave it.
    pub session_id: Option<String>,
    /// The page.
    pub page_url: Option<String>,
    /// Its title.
    pub page_title: Option<String>,
    /// Where the user came from.
    pub referrer: Option<String>,
    /// A JSON object, as text.
    pub properties: Option<String>,
    /// A JSON object, as text.
    pub context: Option<String>,
}
