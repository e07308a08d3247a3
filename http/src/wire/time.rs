//! Times on the wire: RFC 3339, UTC, milliseconds; days as `YYYY-MM-DD`.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use priv_domain::{Day, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::param::Param;
use super::schema::Schemas;

/// A time, as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(as = Time, value_type = String, format = DateTime, examples("2026-01-31T12:00:00.000Z"))]
pub(crate) struct Rfc3339(pub(crate) Timestamp);

/// A day, as a parameter: `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayText(pub(crate) Date);

/// A UTC day, as a parameter: `YYYY-MM-DD`, or an RFC 3339 time in that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayOrTime(pub(crate) Day);

impl std::fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A time outside jiff's range (±9999 years) can't have been stored.
        let at = jiff::Timestamp::from_millisecond(self.0.as_millis()).unwrap_or_default();
        write!(f, "{at:.3}")
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Param for DayText {
    fn missing() -> Cow<'static, str> {
        "is required, as YYYY-MM-DD".into()
    }

    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        parse_date(text).map(Self).ok_or("must be a date as YYYY-MM-DD".into())
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string", "format": "date" })
    }
}

impl Param for DayOrTime {
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let day = match parse_date(text) {
            Some(date) => day_of(date),
            None => parse_time(text).map(|at| at.day()),
        };
        day.map(Self).ok_or("must be a date as YYYY-MM-DD or a time".into())
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "oneOf": [
            { "type": "string", "format": "date" },
            { "type": "string", "format": "date-time" },
        ] })
    }
}

fn day_of(date: Date) -> Option<Day> {
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(Timestamp::from_millis(start.as_millisecond()).day())
}

/// Reads an RFC 3339 time with any offset.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// Reads a day in the form `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<Date> {
    // jiff reads more forms than the API accepts.
    if text.len() != 10 {
        return None;
    }
    text.parse().ok()
}

/// Writes a UTC day as `YYYY-MM-DD`.
pub(crate) fn day_text(day: Day) -> String {
    let text = Rfc3339(day.start()).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
