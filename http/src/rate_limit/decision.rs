//! The result of a charge, and the headers that tell a client of it.

use std::fmt::Write;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use priv_domain::Timestamp;

use super::limits::Limits;

static LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static STATE: HeaderName = HeaderName::from_static("ratelimit");

static FREE_POLICY: HeaderValue =
    HeaderValue::from_static(r#""second";q=10;w=1, "day";q=10000;w=86400"#);
static PRO_POLICY: HeaderValue =
    HeaderValue::from_static(r#""second";q=100;w=1, "day";q=1000000;w=86400"#);

/// The limit and the remaining requests that are shown where there is no limit. The headers are on
/// every answer and hold whole numbers; this one fits the types that clients are likely to use.
const NO_LIMIT: u64 = i32::MAX as u64;

const DAY_SECS: i64 = 86_400;

/// The windows in which requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A UTC second.
    Second,
    /// A UTC day.
    Day,
}

/// The result of a charge: whether a request may go on, and what is left in each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    limits: Limits,
    left_in_second: Option<u64>,
    left_in_day: Option<u64>,
    refused_by: Option<Window>,
    now: Timestamp,
}

/// The window that the headers tell of.
struct Shown {
    window: Window,
    limit: u64,
    left: u64,
    resets_at_secs: i64,
}

impl Decision {
    pub(super) fn unlimited(now: Timestamp) -> Self {
        Self::allowed(Limits::NONE, (0, 0), now)
    }

    pub(super) fn allowed(limits: Limits, used: (u64, u64), now: Timestamp) -> Self {
        let left_in_second = limits.per_second.map(|all| u64::from(all).saturating_sub(used.0));
        let left_in_day = limits.per_day.map(|all| all.saturating_sub(used.1));
        Self { limits, left_in_second, left_in_day, refused_by: None, now }
    }

    pub(super) fn refused(limits: Limits, used: (u64, u64), now: Timestamp, by: Window) -> Self {
        let mut decision = Self::allowed(limits, used, now);
        // A caller must wait for the end of a day that is used up, whichever window refused first.
        decision.refused_by = Some(if decision.left_in_day == Some(0) { Window::Day } else { by });
        decision
    }

    /// How many seconds to wait, at least 1, if the request is refused; else `None`.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        let window = self.refused_by?;
        let wait = self.end_of(window).saturating_sub(self.now_secs());
        Some(u64::try_from(wait).unwrap_or_default().max(1))
    }

    /// Whether the next request would be refused, in this second or this day.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.left_in_second == Some(0) || self.left_in_day == Some(0)
    }

    /// The window that refused the request, or else the one with fewer requests left; `None` if
    /// there are no limits.
    fn shown(&self) -> Option<Shown> {
        let second = self.limits.per_second.map(u64::from).zip(self.left_in_second);
        let day = self.limits.per_day.zip(self.left_in_day);
        let window = match (self.refused_by, second, day) {
            (Some(window), _, _) => window,
            (None, Some((_, in_second)), Some((_, in_day))) if in_second <= in_day => {
                Window::Second
            }
            (None, Some(_), None) => Window::Second,
            (None, _, Some(_)) => Window::Day,
            (None, None, None) => return None,
        };
        let (limit, left) = match window {
            Window::Second => second?,
            Window::Day => day?,
        };
        Some(Shown { window, limit, left, resets_at_secs: self.end_of(window) })
    }

    fn now_secs(&self) -> i64 {
        self.now.as_millis().div_euclid(1_000)
    }

    fn end_of(&self, window: Window) -> i64 {
        match window {
            Window::Second => self.now_secs() + 1,
            Window::Day => (self.now.day().get() + 1) * DAY_SECS,
        }
    }

    /// Adds the three customary headers, and the two of the IETF's draft
    /// (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        let Some(shown) = self.shown() else {
            headers.insert(LIMIT.clone(), NO_LIMIT.into());
            headers.insert(REMAINING.clone(), NO_LIMIT.into());
            headers.insert(RESET.clone(), self.end_of(Window::Day).into());
            return;
        };
        headers.insert(LIMIT.clone(), shown.limit.into());
        headers.insert(REMAINING.clone(), shown.left.into());
        headers.insert(RESET.clone(), shown.resets_at_secs.into());
        headers.insert(POLICY.clone(), policy(self.limits));
        let mut state = String::with_capacity(32);
        let seconds_left = shown.resets_at_secs - self.now_secs();
        write!(state, "{};r={};t={seconds_left}", name(shown.window), shown.left)
            .expect("a String takes what it is given");
        headers.insert(STATE.clone(), plain(state));
    }
}

fn name(window: Window) -> &'static str {
    match window {
        Window::Second => r#""second""#,
        Window::Day => r#""day""#,
    }
}

fn policy(limits: Limits) -> HeaderValue {
    if limits == Limits::FREE {
        return FREE_POLICY.clone();
    }
    if limits == Limits::PRO {
        return PRO_POLICY.clone();
    }
    let second = limits.per_second.map(|quota| format!(r#""second";q={quota};w=1"#));
    let day = limits.per_day.map(|quota| format!(r#""day";q={quota};w=86400"#));
    plain([second, day].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn plain(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits, letters and quotes")
}
