//! Measures how long reading an event takes: a batch of a hundred, against the same bytes read into
//! a `serde_json::Value`.
//!
//! `cargo run --release -p priv-http --example parse_rate`

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use priv_domain::Timestamp;
use priv_http::ingest::{Dialect, PostHogRoute, PrivRoute, SegmentRoute, parse};

const EVENTS: usize = 100;
const RECEIVED: Timestamp = Timestamp::from_millis(1_748_779_200_000);

fn main() {
    let batches = [
        ("own", own(), Dialect::Priv(PrivRoute::Events)),
        ("segment", segment(), Dialect::Segment(SegmentRoute::Batch)),
        ("posthog", posthog(), Dialect::PostHog(PostHogRoute::Batch)),
    ];
    for (name, body, dialect) in batches {
        let read = parse(&body, dialect, RECEIVED).expect("a proper batch");
        assert!(read.events.iter().all(Result::is_ok));
        let ours = ns_an_event(|| parse(black_box(&body), dialect, RECEIVED).is_ok());
        let value =
            ns_an_event(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)).is_ok());
        let bytes = body.len() / EVENTS;
        println!(
            "{name:8} {bytes:4} bytes: {ours:6.0} ns an event; serde_json::Value {value:6.0} ns"
        );
    }
}

/// The least of many rounds, which is the time without what else the machine does.
fn ns_an_event(mut read: impl FnMut() -> bool) -> f64 {
    let mut least = Duration::MAX;
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        let start = Instant::now();
        let is_read = read();
        least = least.min(start.elapsed());
        assert!(is_read);
    }
    least.as_nanos() as f64 / EVENTS as f64
}

fn batch(list: &str, event: impl Fn(usize) -> String) -> Vec<u8> {
    let mut body = format!("{{\"{list}\":[");
    for i in 0..EVENTS {
        let comma = if i == 0 { "" } else { "," };
        write!(body, "{comma}{}", event(i)).expect("a String takes all");
    }
    body.push_str("],\"sentAt\":\"2025-06-01T12:00:00.000Z\"}");
    body.into_bytes()
}

fn own() -> Vec<u8> {
    batch("events", |i| {
        format!(
            r#"{{"event_type":"track","event_name":"song_played","event_id":"0197{i:04}-7a85-7f95-8b0a-6de5ba06aa01","user_id":"6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d","session_id":"s-{i}","properties":{{"song":"Example","artist":"Nobody","seconds":{i},"tags":["a","b"]}},"timestamp":"2025-06-01T11:59:59.123Z","consent_given":true}}"#
        )
    })
}

fn segment() -> Vec<u8> {
    batch("batch", |i| {
        format!(
            r#"{{"timestamp":"2025-06-01T11:59:58.076Z","integrations":{{}},"type":"page","properties":{{"url":"https://x.test/{i}","title":"T","referrer":"https://r.test/"}},"name":"Home","context":{{"library":{{"name":"@segment/analytics-node","version":"3.1.0"}}}},"anonymousId":"a{i}","messageId":"node-next-1795493376075-c6bf0343-032e-4901-a57d-487218f39e{i:03}"}}"#
        )
    })
}

fn posthog() -> Vec<u8> {
    batch("batch", |i| {
        format!(
            r#"{{"event":"order completed","properties":{{"total":{i}.5,"$session_id":"s1","$lib":"posthog-node","$lib_version":"5.70.0","$is_server":true,"$geoip_disable":true}},"timestamp":"2025-06-01T11:59:59.574Z","uuid":"01a20bbe-b23f-73b2-a3c1-36ccd76be{i:03}","distinct_id":"u{i}"}}"#
        )
    })
}
