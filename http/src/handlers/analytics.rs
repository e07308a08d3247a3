//! `GET /analytics`: the documented answer, from the projector's counters.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use actix_web::{HttpResponse, web};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use priv_actors::{Node, QueryError};
use priv_domain::{Environment, EventType, ProjectId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::extract::caller::{AnalyticsRead, ScopedKey};
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::envelope::{Success, ok};
use crate::wire::issues::At;
use crate::wire::param::{Param, Required, query};
use crate::wire::schema::Schemas;
use crate::wire::time::DayText;
use crate::wire::words::words;

/// The most days that a query can span: more than the time for which anybody has events.
const MAX_DAYS: i32 = 36_600;

/// The most pages in `top_pages`.
const TOP_PAGES: usize = 10;

query! {
    /// The query of `GET /analytics`.
    pub(crate) struct AnalyticsQuery {
        /// The first day, as `YYYY-MM-DD`.
        start_date: Required<DayText>,
        /// The last day, which is included.
        end_date: Required<DayText>,
        /// The time zone in which days begin and end, by its IANA name, such as `Asia/Tokyo`; UTC
        /// if left out.
        timezone: Option<ZoneName>,
        /// Counts only events of this type; all if left out.
        event_type: Option<CountedType>,
        /// `event_type` leaves out `events_by_day`; `page` leaves out `events_by_type`.
        group_by: Option<GroupBy>,
    }
    rules |issues| {
        if let (Some(Required(DayText(start))), Some(Required(DayText(end)))) =
            (start_date, end_date)
        {
            let at = At::Member(&At::Root, "end_date");
            if end < start {
                issues.note(&at, "must not be before start_date");
            } else if (*end - *start).get_days() > MAX_DAYS {
                issues.note(&at, "must be within 100 years of start_date");
            }
        }
    }
}

words! {
    /// The type of the events that are counted.
    shown pub(crate) enum CountedType as "CountedType" {
        Track = "track",
        PageView = "page_view",
        Identify = "identify",
        All = "all",
    }
}

words! {
    shown pub(crate) enum GroupBy as "GroupBy" {
        EventType = "event_type",
        Page = "page",
    }
}

/// A time zone, by its IANA name.
#[derive(Clone, Debug)]
pub(crate) struct ZoneName(TimeZone);

impl Param for ZoneName {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let issue = "must be a name of the IANA time zone database, such as Asia/Tokyo";
        TimeZone::get(text).map(Self).map_err(|_| issue.into())
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string" })
    }
}

impl CountedType {
    fn only(self) -> Option<EventType> {
        match self {
            Self::Track => Some(EventType::Track),
            Self::PageView => Some(EventType::PageView),
            Self::Identify => Some(EventType::Identify),
            Self::All => None,
        }
    }
}

/// The events of a project, counted from one day to another, both included
#[utoipa::path(get, path = "/v1/analytics", tag = "Analytics",
    responses((status = 200, body = Success<AnalyticsView>)))]
pub(crate) async fn query_analytics(
    caller: ScopedKey<AnalyticsRead>,
    query: QueryParams<AnalyticsQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::of(query.0)?;
    // The caller's own events of a moment ago are counted, too.
    let durable = state.node.durable();
    state.node.when_projected(durable).await?;
    let (environment, project) = (caller.key.environment, caller.key.project);
    let _turn = state.analytics_turn().await?;
    let node = state.node.clone();
    let view = web::block(move || wanted.answer(&node, environment, project))
        .await
        .map_err(|error| ApiError::server_error(&error))?
        .map_err(|error| match error {
            TooMuch::Rows => ApiError::invalid_field(
                "end_date",
                "spans more than can be read at once: ask for fewer days",
            ),
            TooMuch::Store(error) => error.into(),
        })?;
    Ok(ok(&view))
}

/// Why a query has no answer.
enum TooMuch {
    /// It would read more than [`MAX_ROWS`].
    Rows,
    Store(QueryError),
}

/// The most rows of each list that one query reads, about a hundred bytes each.
const MAX_ROWS: usize = 2_000_000;

fn bounded<T>(
    cells: impl Iterator<Item = Result<T, QueryError>>,
) -> impl Iterator<Item = Result<T, TooMuch>> {
    cells.enumerate().map(|(row, cell)| match row < MAX_ROWS {
        true => cell.map_err(TooMuch::Store),
        false => Err(TooMuch::Rows),
    })
}

/// A query, after its checks.
struct Wanted {
    days: Vec<(Date, Timestamp)>,
    range: Range<Timestamp>,
    only: Option<EventType>,
    group_by: Option<GroupBy>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Analytics)]
struct AnalyticsView {
    total_events: u64,
    unique_users: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    events_by_type: Option<EventsByType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    events_by_day: Option<Vec<DayCount>>,
    top_pages: Vec<PageViews>,
}

#[derive(Default, Serialize, ToSchema)]
struct EventsByType {
    track: u64,
    page_view: u64,
    identify: u64,
}

#[derive(Serialize, ToSchema)]
struct DayCount {
    #[schema(format = Date)]
    date: String,
    count: u64,
}

#[derive(Serialize, ToSchema)]
struct PageViews {
    page_url: String,
    views: u64,
}

impl Wanted {
    fn of(query: AnalyticsQuery) -> Result<Self, ApiError> {
        let (Required(DayText(start)), Required(DayText(end))) = (query.start_date, query.end_date);
        let zone = query.timezone.map_or(TimeZone::UTC, |ZoneName(zone)| zone);
        let days = days(start, end, &zone)
            .ok_or_else(|| ApiError::invalid_field("start_date", "is out of range"))?;
        let after = days.last().map_or(Timestamp::EPOCH, |(_, end)| *end);
        let first = day_start(start, &zone).unwrap_or(Timestamp::EPOCH);
        let only = query.event_type.and_then(CountedType::only);
        Ok(Self { days, range: first..after, only, group_by: query.group_by })
    }

    fn counts(&self, event_type: EventType) -> bool {
        self.only.is_none_or(|only| only == event_type)
    }

    fn answer(
        &self,
        node: &Node,
        environment: Environment,
        project: ProjectId,
    ) -> Result<AnalyticsView, TooMuch> {
        let mut by_type = EventsByType::default();
        let mut by_day = vec![0; self.days.len()];
        for cell in bounded(node.event_counts(environment, project, self.range.clone())) {
            let cell = cell?;
            if !self.counts(cell.what) {
                continue;
            }
            match cell.what {
                EventType::Track => by_type.track += cell.count,
                EventType::PageView => by_type.page_view += cell.count,
                EventType::Identify => by_type.identify += cell.count,
            }
            let day = self.days.partition_point(|(_, end)| *end <= cell.start);
            if let Some(count) = by_day.get_mut(day) {
                *count += cell.count;
            }
        }
        let mut users = HashSet::new();
        for cell in bounded(node.visitors(environment, project, self.range.clone())) {
            let (event_type, visitor) = cell?.what;
            if self.counts(event_type) {
                users.insert(visitor);
            }
        }
        let days = self.days.iter().zip(by_day);
        let by_day = days.map(|((date, _), count)| DayCount { date: date.to_string(), count });
        Ok(AnalyticsView {
            total_events: by_type.track + by_type.page_view + by_type.identify,
            unique_users: users.len(),
            events_by_day: (self.group_by != Some(GroupBy::EventType)).then(|| by_day.collect()),
            events_by_type: (self.group_by != Some(GroupBy::Page)).then_some(by_type),
            top_pages: self.top_pages(node, environment, project)?,
        })
    }

    fn top_pages(
        &self,
        node: &Node,
        environment: Environment,
        project: ProjectId,
    ) -> Result<Vec<PageViews>, TooMuch> {
        if !self.counts(EventType::PageView) {
            return Ok(Vec::new());
        }
        let mut views: BTreeMap<String, u64> = BTreeMap::new();
        for cell in bounded(node.page_counts(environment, project, self.range.clone())) {
            let cell = cell?;
            *views.entry(cell.what).or_default() += cell.count;
        }
        let mut pages: Vec<PageViews> =
            views.into_iter().map(|(page_url, views)| PageViews { page_url, views }).collect();
        pages.sort_by(|one, two| two.views.cmp(&one.views).then(one.page_url.cmp(&two.page_url)));
        pages.truncate(TOP_PAGES);
        Ok(pages)
    }
}

/// The days from `start` to `end`, each with the time at which it ends.
fn days(start: Date, end: Date, zone: &TimeZone) -> Option<Vec<(Date, Timestamp)>> {
    let mut days = Vec::new();
    let mut day = start;
    while day <= end {
        let next = day.tomorrow().ok()?;
        days.push((day, day_start(next, zone)?));
        day = next;
    }
    Some(days)
}

fn day_start(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let start = zone.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    Some(Timestamp::from_millis(start.as_millisecond()))
}
