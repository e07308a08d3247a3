//! Reads events in PRIV's own form and in Segment's, which differ in the spelling of names only.

use priv_domain::EventType;
use serde_json::value::RawValue;

use super::dialect::{PrivRoute, SegmentRoute};
use super::event::{IncomingEvent, Problem};
use super::fields::{EventFields, EventKey as Key, Fields, PageFields, PageKey};
use super::shared::Shared;
use super::time::{self, Said};
use super::{consent, text};

/// What a route assumes and requires of its events.
#[derive(Clone, Copy)]
pub(super) struct Route {
    type_where_absent: Option<&'static str>,
    wants_user_id: bool,
}

impl From<PrivRoute> for Route {
    fn from(route: PrivRoute) -> Self {
        let (type_where_absent, wants_user_id) = match route {
            PrivRoute::Events => (None, false),
            PrivRoute::Identify => (Some("identify"), true),
            PrivRoute::Page => (Some("page_view"), false),
        };
        Self { type_where_absent, wants_user_id }
    }
}

impl From<SegmentRoute> for Route {
    fn from(route: SegmentRoute) -> Self {
        let type_where_absent = match route {
            SegmentRoute::Batch => None,
            SegmentRoute::Track => Some("track"),
            SegmentRoute::Identify => Some("identify"),
            SegmentRoute::Page => Some("page"),
            SegmentRoute::Screen => Some("screen"),
            SegmentRoute::Group => Some("group"),
            SegmentRoute::Alias => Some("alias"),
        };
        Self { type_where_absent, wants_user_id: false }
    }
}

/// The id of an event, under any of its names.
pub(super) fn event_id<'a>(fields: &EventFields<'a>) -> Option<&'a RawValue> {
    fields.first([Key::EventId, Key::MessageId, Key::Uuid, Key::Id])
}

/// Reads an event in PRIV's or Segment's form.
pub(super) fn read(
    fields: &EventFields<'_>,
    route: Route,
    shared: &Shared<'_>,
) -> Result<IncomingEvent, Problem> {
    let event_type = event_type(fields, route)?;
    let id = text::id(event_id(fields), "event_id")?;
    let user_id = text::id(fields.get(Key::UserId), "user_id")?;
    let anonymous_id = text::id(fields.get(Key::AnonymousId), "anonymous_id")?;
    if user_id.is_none() && anonymous_id.is_none() {
        return Err(Problem::missing_user());
    }
    if route.wants_user_id && event_type == EventType::Identify && user_id.is_none() {
        return Err(Problem::rejected("missing_user_id", "identify needs a user_id"));
    }
    let properties = properties(fields, event_type);
    // A page that can't be read would be missing from the counts, without anybody being told.
    text::string_or_absent(fields.get(Key::PageUrl), "page_url")?;
    let page = Page::of(fields, event_type, properties);
    let context = fields.get(Key::Context).filter(|raw| raw.get().starts_with('{'));
    Ok(IncomingEvent {
        id,
        event_type,
        name: text::name(fields.first([Key::EventName, Key::Event, Key::Name]))?,
        user_id,
        anonymous_id,
        session_id: text::id(fields.get(Key::SessionId), "session_id")?,
        properties: text::object(properties, "properties")?,
        context: text::object(context.or(shared.context), "context")?,
        page_url: text::page_field(page.url),
        page_title: text::page_field(page.title),
        referrer: text::page_field(page.referrer),
        timestamp: time::happened(said(fields), shared.arrival)?,
        consent_given: consent_given(fields, context, shared)?,
    })
}

fn event_type(fields: &EventFields<'_>, route: Route) -> Result<EventType, Problem> {
    let said = fields.first([Key::EventType, Key::Type]).map(|raw| text::string(raw).ok_or(raw));
    let said = match &said {
        Some(Ok(text)) if !text.is_empty() => Some(&**text),
        Some(Ok(_)) | None => route.type_where_absent,
        Some(Err(raw)) => Some(raw.get()),
    };
    match said {
        Some("track") => Ok(EventType::Track),
        Some("page" | "page_view") => Ok(EventType::PageView),
        Some("identify") => Ok(EventType::Identify),
        Some(other @ ("screen" | "group" | "alias")) => Err(Problem::unsupported(other)),
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            let message =
                format!("there is no event type {other:?}; send track, page_view or identify");
            Err(Problem::rejected("unknown_type", message))
        }
        None => {
            let message = "say what kind of event it is: event_type (or type) is track, page_view \
                           or identify";
            Err(Problem::rejected("missing_type", message))
        }
    }
}

fn properties<'a>(fields: &EventFields<'a>, event_type: EventType) -> Option<&'a RawValue> {
    match event_type {
        EventType::Identify => fields.first([Key::Traits, Key::Properties]),
        EventType::Track | EventType::PageView => fields.first([Key::Properties, Key::Traits]),
    }
}

/// The fields by which an event describes its page.
struct Page<'a> {
    url: Option<&'a RawValue>,
    title: Option<&'a RawValue>,
    referrer: Option<&'a RawValue>,
}

impl<'a> Page<'a> {
    fn of(
        fields: &EventFields<'a>,
        event_type: EventType,
        properties: Option<&'a RawValue>,
    ) -> Self {
        let url = fields.first([Key::PageUrl, Key::Url]);
        let title = fields.first([Key::PageTitle, Key::Title]);
        let referrer = fields.get(Key::Referrer);
        let inner: PageFields<'a> = match event_type {
            EventType::PageView => Fields::within(properties),
            EventType::Track | EventType::Identify => Fields::none(),
        };
        Self {
            url: url.or(inner.get(PageKey::Url)),
            title: title.or(inner.get(PageKey::Title)),
            referrer: referrer.or(inner.get(PageKey::Referrer)),
        }
    }
}

fn said<'a>(fields: &EventFields<'a>) -> Said<'a> {
    Said {
        at: fields.first([Key::Timestamp, Key::OriginalTimestamp]),
        millis_ago: None,
        sent: fields.get(Key::SentAt),
    }
}

fn consent_given(
    fields: &EventFields<'_>,
    context: Option<&RawValue>,
    shared: &Shared<'_>,
) -> Result<Option<bool>, Problem> {
    let in_context = || match context {
        Some(context) => consent::in_context(context),
        None => shared.consent,
    };
    match fields.get(Key::ConsentGiven) {
        None => Ok(in_context()),
        // Consent is never guessed.
        Some(raw) => text::boolean(raw).map(Some).ok_or_else(|| {
            Problem::rejected("invalid_consent", "consent_given must be true or false")
        }),
    }
}
