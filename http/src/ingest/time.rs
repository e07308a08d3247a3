//! Computes when an event happened, by our clock.

use jiff::civil;
use jiff::tz::TimeZone;
use priv_domain::Timestamp;
use priv_domain::time::DAY_MILLIS;
use serde_json::value::RawValue;

use super::event::Problem;
use super::text;

/// Numbers below this are seconds since the Unix epoch, others milliseconds. As milliseconds it is
/// a time in 1973, as seconds one in the year 5138.
const FIRST_MILLIS: f64 = 1e11;
/// The largest time that JavaScript knows, in milliseconds.
const LAST_MILLIS: f64 = 8.64e15;

/// The times at which a request came, by our clock, and was sent, by the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the request came, by our clock.
    pub received: Timestamp,
    /// When it was sent, by the client's clock, if a header or the query says so
    /// (`PostHog-Request-Timestamp`, `_`). A `sentAt` in the body takes precedence.
    pub sent: Option<Timestamp>,
}

impl From<Timestamp> for Arrival {
    fn from(received: Timestamp) -> Self {
        Self { received, sent: None }
    }
}

/// Reads a time: RFC 3339, ISO 8601 without a zone (UTC) or without a time (midnight), or a number
/// of seconds or milliseconds since the Unix epoch.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim_ascii();
    if let Ok(number) = text.parse::<f64>() {
        return from_number(number);
    }
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let local: civil::DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })?;
    Some(Timestamp::from_millis(time.as_millisecond()))
}

#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked first")]
fn from_number(number: f64) -> Option<Timestamp> {
    let millis = if number.abs() < FIRST_MILLIS { number * 1000.0 } else { number };
    (millis.abs() <= LAST_MILLIS).then(|| Timestamp::from_millis(millis as i64))
}

/// Reads a time from a JSON string or number.
pub(super) fn read(raw: &RawValue) -> Option<Timestamp> {
    match text::string(raw) {
        Some(text) => moment(&text),
        None => moment(raw.get()),
    }
}

/// What an event itself says about time.
#[derive(Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// When it happened, by the client's clock.
    pub(super) at: Option<&'a RawValue>,
    /// How many milliseconds before it was sent it happened; read if there is no `at`.
    pub(super) millis_ago: Option<&'a RawValue>,
    /// When it was sent, by the client's clock.
    pub(super) sent: Option<&'a RawValue>,
}

/// When an event happened: the time on the client's clock, corrected by how wrong that clock was
/// when it sent the request. A time more than a day ahead can only be a mistake, and becomes the
/// time of receipt.
pub(super) fn happened(said: Said<'_>, arrival: Arrival) -> Result<Timestamp, Problem> {
    let received = arrival.received;
    let Some(raw) = said.at else {
        let ago = said.millis_ago.and_then(|raw| raw.get().parse::<u32>().ok()).unwrap_or(0);
        return Ok(received.plus_millis(-i64::from(ago)));
    };
    let invalid = |what: &str| {
        let message = format!("timestamp {what}; send RFC 3339, as in 2025-01-31T12:00:00.000Z");
        Problem::rejected("invalid_timestamp", message)
    };
    let at = read(raw).ok_or_else(|| invalid("can't be read"))?;
    let sent = said.sent.and_then(read).or(arrival.sent);
    let corrected = match sent {
        Some(sent) => at.plus_millis(received.millis_since(sent)),
        None => at,
    };
    if corrected < Timestamp::EPOCH {
        return Err(invalid("is before 1970"));
    }
    let is_far_ahead = corrected.millis_since(received) > DAY_MILLIS;
    Ok(if is_far_ahead { received } else { corrected })
}
