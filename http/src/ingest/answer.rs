//! Writes the bodies of answers, for each family of clients.
//!
//! Segment's clients look at the status only, and get our own body, [`events_answer`].

use priv_domain::Micros;
use priv_domain::user::Verdict;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use super::event::{Refusal, Refused};
use crate::wire::amount::Amount;
use crate::wire::envelope::Success;
use crate::wire::words::words;

/// The answer of `/e/`, `/capture/` and `/batch/`, whatever the outcome of single events.
pub const CAPTURE_ANSWER: &str = r#"{"status":1}"#;

/// The answer of `/array/{key}/config`, which PostHog's browser client asks for at its start. It
/// says to record nothing, to show no surveys, that there are no flags, and to send to `/e/`,
/// compressed.
pub const REMOTE_CONFIG_ANSWER: &str = concat!(
    r#"{"supportedCompression":["gzip","gzip-js"],"hasFeatureFlags":false,"#,
    r#""analytics":{"endpoint":"/e/"},"sessionRecording":false,"heatmaps":false,"surveys":false,"#,
    r#""capturePerformance":false,"autocapture_opt_out":false,"autocaptureExceptions":false,"#,
    r#""captureDeadClicks":false,"errorTracking":{"autocaptureExceptions":false},"#,
    r#""siteApps":[],"isAuthenticated":false,"toolbarParams":{}}"#
);

/// The answer of `/flags/` and `/decide/`: there are no feature flags. It has the members of all
/// versions at once, since clients ignore those of other versions. `request_id` is a UUID.
#[must_use]
pub fn flags_answer(request_id: &str) -> String {
    format!(
        concat!(
            r#"{{"flags":{{}},"featureFlags":{{}},"featureFlagPayloads":{{}},"#,
            r#""errorsWhileComputingFlags":false,"supportedCompression":["gzip","gzip-js"],"#,
            r#""sessionRecording":false,"requestId":{}}}"#
        ),
        serde_json::Value::from(request_id)
    )
}

/// The answer of `/v1/projects/{key}/settings`, which Segment's browser client asks for at its
/// start: this server is the only destination. `api_host` has no scheme; `scheme` is `http` or
/// `https`.
#[must_use]
pub fn segment_settings_answer(write_key: &str, api_host: &str, scheme: &str) -> String {
    let api_host = format!("{api_host}/v1");
    let server =
        serde_json::json!({ "apiKey": write_key, "apiHost": api_host, "protocol": scheme });
    serde_json::json!({ "integrations": { "Segment.io": server } }).to_string()
}

/// The outcome of one event of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// It could not be sent to a user.
    Refused(Refused),
    /// It was sent to its user.
    Sent {
        /// The event's id: the client's, or ours if the client gave none.
        id: String,
        /// The user's verdict. `None` if there was no room: the event is not on disk, and the
        /// client should send it again, which only PostHog's new capture can be told of single
        /// events.
        verdict: Option<Verdict>,
    },
}

/// The events that an answer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// All but those that were plainly accepted.
    Exceptions,
    /// All events (`?verbose=1`).
    All,
}

/// The answer of `/events`, `/identify`, `/page` and Segment's routes. `events` must be in the
/// order of the body.
#[must_use]
pub fn events_answer(events: &[EventOutcome], earned: Micros, listed: Listed) -> String {
    let count =
        |result: EventResult| events.iter().filter(|event| event.result() == result).count();
    let results = events
        .iter()
        .enumerate()
        .filter(|(_, event)| listed == Listed::All || event.result() != EventResult::Accepted)
        .map(|(index, event)| {
            let (code, message) = event.reason().unzip();
            Line { index, id: event.id(), result: event.result(), code, message }
        })
        .collect();
    let data = Ingested {
        accepted: count(EventResult::Accepted),
        duplicates: count(EventResult::Duplicate),
        dropped: count(EventResult::Dropped),
        rejected: count(EventResult::Rejected),
        earned_priv: earned.into(),
        results,
    };
    to_json(&Success::of(data))
}

/// The answer of `/i/v1/analytics/events`: a verdict for each uuid. The client sends those that are
/// `retry` again (if there is a `Retry-After`, after that time), reports those that are `drop` to
/// the app, and takes all others as stored. An event without a uuid can't be answered.
#[must_use]
pub fn capture_v1_answer(events: &[EventOutcome]) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        results: ByUuid<'a>,
    }
    to_json(&Answer { results: ByUuid(events) })
}

impl EventOutcome {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => refused.id.as_deref(),
            Self::Sent { id, .. } => Some(id),
        }
    }

    fn result(&self) -> EventResult {
        match self {
            Self::Refused(Refused { refusal: Refusal::Dropped, .. }) => EventResult::Dropped,
            Self::Refused(Refused { refusal: Refusal::Rejected, .. }) => EventResult::Rejected,
            Self::Sent { verdict, .. } => match verdict {
                Some(Verdict::Accepted { .. }) => EventResult::Accepted,
                Some(Verdict::Duplicate) => EventResult::Duplicate,
                Some(Verdict::ConsentWithdrawn | Verdict::ConsentMissing) => EventResult::Dropped,
                Some(Verdict::TooMany) => EventResult::Rejected,
                Some(Verdict::Elsewhere) | None => EventResult::Retry,
            },
        }
    }

    /// Why an event was not taken, as a word for programs and a sentence for people.
    fn reason(&self) -> Option<(&str, &str)> {
        match self {
            Self::Refused(refused) => Some((refused.code, &refused.message)),
            Self::Sent { verdict, .. } => match (*verdict)? {
                Verdict::Accepted { .. } | Verdict::Duplicate | Verdict::Elsewhere => None,
                Verdict::ConsentWithdrawn => {
                    Some(("consent_withdrawn", "The user has refused analytics"))
                }
                Verdict::ConsentMissing => Some((
                    "consent_missing",
                    "The user has not been asked, and the event does not say that consent was given",
                )),
                Verdict::TooMany => Some((
                    "too_many_events",
                    "This user has sent more events in three days than repeats are recognised among",
                )),
            },
        }
    }
}

/// The outcome of a request's events.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ingested<'a> {
    accepted: usize,
    duplicates: usize,
    dropped: usize,
    rejected: usize,
    /// The amount that all of them earned, in total.
    earned_priv: Amount,
    /// The events that were not plainly accepted; all events with `verbose=1`.
    results: Vec<Line<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = IngestedEvent)]
struct Line<'a> {
    /// The event's place in the body, from 0.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<&'a str>,
    result: EventResult,
    /// Why the event was not taken, as a word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<&'a str>,
}

words! {
    /// The outcome of an event.
    shown pub(crate) enum EventResult as "EventResult" {
        Accepted = "accepted",
        Duplicate = "duplicate",
        Retry = "retry",
        Dropped = "dropped",
        Rejected = "rejected",
    }
}

struct ByUuid<'a>(&'a [EventOutcome]);

impl Serialize for ByUuid<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut results = serializer.serialize_map(None)?;
        for event in self.0 {
            if let Some(uuid) = event.id() {
                results.serialize_entry(uuid, &Entry::of(event))?;
            }
        }
        results.end()
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(event: &'a EventOutcome) -> Self {
        let (result, details) = match event.result() {
            EventResult::Accepted | EventResult::Duplicate => ("ok", None),
            EventResult::Retry => ("retry", Some("not_persisted")),
            EventResult::Dropped | EventResult::Rejected => {
                ("drop", event.reason().map(|(code, _)| code))
            }
        };
        Self { result, details }
    }
}

fn to_json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("text and numbers can always be written as JSON")
}
