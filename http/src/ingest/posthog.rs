//! Reads events in PostHog's forms, old (`/e/`, `/batch/`) and new (`/i/v1/analytics/events`).
//!
//! The user behind `distinct_id` is known either to the app (`user_id`) or only to the client
//! (`anonymous_id`). That is told most clearly by `$is_identified` (from browsers), then by
//! `$process_person_profile: false` (which servers send with events about nobody in particular),
//! then by a `$device_id` that equals it.

use std::borrow::Cow;

use priv_domain::EventType;
use serde_json::value::RawValue;

use super::event::{IncomingEvent, Problem};
use super::fields::{EventFields, EventKey as Key, Fields, PropertyFields, PropertyKey as Prop};
use super::shared::Shared;
use super::time::{self, Arrival, Said};
use super::{consent, text};

/// The id that stands for all visitors who don't want to be told apart.
const COOKIELESS: &str = "$posthog_cookieless";
/// The browser's referrer for a visitor who came from nowhere.
const DIRECT: &str = "$direct";

/// Reads an event in PostHog's form.
pub(super) fn read(
    fields: &EventFields<'_>,
    shared: &Shared<'_>,
) -> Result<IncomingEvent, Problem> {
    let Some(event) = text::name(fields.get(Key::Event))? else {
        return Err(Problem::rejected("missing_name", "`event` must be the event's name"));
    };
    let event_type = event_type(&event)?;
    let inner = Inner::of(fields);
    let id = text::id(fields.get(Key::Uuid), "uuid")?;
    let (user_id, anonymous_id) = inner.user(fields, event_type)?;
    let page = match event_type {
        EventType::PageView => inner.page(),
        EventType::Track | EventType::Identify => Page::default(),
    };
    let properties = match event_type {
        EventType::Identify => fields.get(Key::Set).or(inner.get(Prop::Set)),
        EventType::Track | EventType::PageView => fields.get(Key::Properties),
    };
    let context = fields.get(Key::Context).filter(|raw| raw.get().starts_with('{'));
    let context = context.or(shared.context);
    let session_id = fields.get(Key::SessionId).or(inner.get(Prop::SessionId));
    Ok(IncomingEvent {
        id,
        event_type,
        name: (event_type == EventType::Track).then_some(event),
        user_id,
        anonymous_id,
        session_id: text::id(session_id, "$session_id")?,
        properties: text::object(properties, "properties")?,
        context: text::object(context, "context")?,
        page_url: page.url,
        page_title: page.title,
        referrer: page.referrer,
        timestamp: inner.happened(fields, shared.arrival)?,
        consent_given: fields
            .get(Key::ConsentGiven)
            .or(inner.get(Prop::ConsentGiven))
            .and_then(text::boolean)
            .or_else(|| context.and_then(consent::in_context)),
    })
}

/// The key among the properties of a single event, where the browser client puts it.
pub(super) fn token(fields: &EventFields<'_>) -> Option<String> {
    text::lenient_id(Inner::of(fields).get(Prop::Token))
}

/// The type of an event. What a person did is kept under its name; what the SDK says about itself,
/// about groups of users or about app screens is not.
fn event_type(event: &str) -> Result<EventType, Problem> {
    match event {
        "$pageview" => Ok(EventType::PageView),
        "$identify" | "$set" => Ok(EventType::Identify),
        "$screen"
        | "$groupidentify"
        | "$create_alias"
        | "$merge_dangerously"
        | "$feature_flag_called"
        | "$snapshot"
        | "$performance_event"
        | "$$heatmap"
        | "$web_vitals" => Err(Problem::unsupported(event)),
        _ => Ok(EventType::Track),
    }
}

/// An event's properties and, in the new form, its options.
struct Inner<'a> {
    properties: PropertyFields<'a>,
    options: PropertyFields<'a>,
}

#[derive(Default)]
struct Page {
    url: Option<String>,
    title: Option<String>,
    referrer: Option<String>,
}

impl<'a> Inner<'a> {
    fn of(fields: &EventFields<'a>) -> Self {
        Self {
            properties: Fields::within(fields.get(Key::Properties)),
            options: Fields::within(fields.get(Key::Options)),
        }
    }

    fn get(&self, key: Prop) -> Option<&'a RawValue> {
        self.properties.get(key)
    }

    fn flag(&self, key: Prop) -> Option<bool> {
        self.options.get(key).or(self.properties.get(key)).and_then(text::boolean)
    }

    fn page(&self) -> Page {
        Page {
            url: text::page_field(self.get(Prop::CurrentUrl)),
            title: text::page_field(self.get(Prop::Title)),
            referrer: text::page_field(self.get(Prop::Referrer)).filter(|from| from != DIRECT),
        }
    }

    /// The user's ids: the app's and the client's.
    fn user(
        &self,
        fields: &EventFields<'_>,
        event_type: EventType,
    ) -> Result<(Option<String>, Option<String>), Problem> {
        let raw = fields.get(Key::DistinctId).or(self.get(Prop::DistinctId));
        let Some(id) = text::id(raw, "distinct_id")? else { return Err(no_distinct_id()) };
        if id == COOKIELESS || self.flag(Prop::Cookieless) == Some(true) {
            let message = "events without cookies tell no visitor from another; they can't earn";
            return Err(Problem { message: message.into(), ..Problem::missing_user() });
        }
        if event_type != EventType::Identify && self.is_anonymous(&id) {
            return Ok((None, Some(id)));
        }
        let before = text::id(self.get(Prop::AnonDistinctId), "$anon_distinct_id")?;
        Ok((Some(id), before))
    }

    fn is_anonymous(&self, distinct_id: &str) -> bool {
        if let Some(identified) = self.flag(Prop::IsIdentified) {
            return !identified;
        }
        let device = self.get(Prop::DeviceId).and_then(text::string);
        self.flag(Prop::PersonProfile) == Some(false)
            || device.is_some_and(|id: Cow<'_, str>| id == distinct_id)
    }

    fn happened(
        &self,
        fields: &EventFields<'_>,
        mut arrival: Arrival,
    ) -> Result<priv_domain::Timestamp, Problem> {
        let mut said = Said {
            at: fields.get(Key::Timestamp),
            millis_ago: fields.get(Key::Offset),
            sent: fields.get(Key::SentAt),
        };
        if self.flag(Prop::IgnoreSentAt) == Some(true) {
            (said.sent, arrival.sent) = (None, None);
        }
        time::happened(said, arrival)
    }
}

fn no_distinct_id() -> Problem {
    let message = "say whom the event is about: distinct_id";
    Problem { message: message.into(), ..Problem::missing_user() }
}
