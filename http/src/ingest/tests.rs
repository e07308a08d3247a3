//! Tables of body → outcome, one line an event.

mod answers;
mod hostile;
mod native;
mod posthog;
mod properties;
mod segment;
mod times;

use std::fmt::Write;

use expect_test::Expect;
use priv_domain::Timestamp;
use serde_json::value::RawValue;

use super::*;

/// 2025-06-01T12:00:00Z
const RECEIVED: Timestamp = Timestamp::from_millis(1_748_779_200_000);

const EVENTS: Dialect = Dialect::Priv(PrivRoute::Events);
const SEGMENT: Dialect = Dialect::Segment(SegmentRoute::Batch);
const POSTHOG: Dialect = Dialect::PostHog(PostHogRoute::Batch);

/// Checks that what is read from `body` is shown as `expected`.
fn check(dialect: Dialect, body: &str, expected: Expect) {
    expected.assert_eq(&shown(body.as_bytes(), dialect));
}

fn shown(body: &[u8], dialect: Dialect) -> String {
    match parse(body, dialect, RECEIVED) {
        Ok(batch) => shown_batch(&batch),
        Err(unreadable) => format!("{unreadable}\n"),
    }
}

fn shown_batch(batch: &Batch) -> String {
    let mut lines = String::new();
    if let Some(key) = &batch.write_key {
        writeln!(lines, "key={key}").expect("a String takes all");
    }
    for result in &batch.events {
        let line = match result {
            Ok(event) => shown_event(event),
            Err(refused) => shown_refused(refused),
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

fn shown_event(event: &IncomingEvent) -> String {
    let at = event.timestamp.millis_since(RECEIVED);
    let mut line = format!("{:?} at={at:+}", event.event_type);
    let raw = |raw: &Option<Box<RawValue>>| raw.as_ref().map(|raw| raw.get().to_owned());
    for (name, value) in [
        ("id", event.id.clone()),
        ("name", event.name.clone()),
        ("user", event.user_id.clone()),
        ("anon", event.anonymous_id.clone()),
        ("session", event.session_id.clone()),
        ("properties", raw(&event.properties)),
        ("context", raw(&event.context)),
        ("url", event.page_url.clone()),
        ("title", event.page_title.clone()),
        ("referrer", event.referrer.clone()),
        ("consent", event.consent_given.map(|given| given.to_string())),
    ] {
        if let Some(value) = value {
            write!(line, " {name}={value}").expect("a String takes all");
        }
    }
    line
}

fn shown_refused(refused: &Refused) -> String {
    let id = refused.id.as_ref().map(|id| format!(" id={id}")).unwrap_or_default();
    format!("{:?} {}{id}: {}", refused.refusal, refused.code, refused.message)
}
