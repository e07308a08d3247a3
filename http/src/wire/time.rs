//! Times on the wire: RFC 3339, UTC, milliseconds; days as `YYYY-MM-DD`.

use jiff::civil::Date;
use priv_domain::{Day, Timestamp};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A moment: RFC 3339, UTC, with milliseconds.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(as = Time, value_type = String, format = DateTime, examples("2026-01-31T12:00:00.000Z"))]
pub(crate) struct Rfc3339(pub(crate) Timestamp);

impl std::fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is out of jiff's range (±9999 years) can't have been stored.
        let at = jiff::Timestamp::from_millisecond(self.0.as_millis()).unwrap_or_default();
        write!(f, "{at:.3}")
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads an RFC 3339 time with any offset.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// Reads `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    // jiff takes more forms than the contract does.
    if text.len() != 10 {
        return None;
    }
    text.parse().ok()
}

/// A UTC day as `YYYY-MM-DD`.
pub(crate) fn day_text(day: Day) -> String {
    let text = Rfc3339(day.start()).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
