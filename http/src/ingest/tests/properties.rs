//! Properties that hold for any body.

use priv_domain::EventType;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ALL: [Dialect; 6] = [
    EVENTS,
    Dialect::Priv(PrivRoute::Identify),
    Dialect::Priv(PrivRoute::Page),
    SEGMENT,
    Dialect::Segment(SegmentRoute::Track),
    POSTHOG,
];

/// Any JSON at all.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2025-06-01T11:59:00Z")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The names that count, and others.
fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "type",
        "event_type",
        "event",
        "name",
        "event_name",
        "id",
        "event_id",
        "messageId",
        "uuid",
        "userId",
        "user_id",
        "anonymousId",
        "session_id",
        "properties",
        "traits",
        "context",
        "consent",
        "consent_given",
        "timestamp",
        "sentAt",
        "distinct_id",
        "$set",
        "options",
        "url",
        "$is_identified",
        "token",
        "batch",
        "events",
    ];
    prop_oneof![4 => proptest::sample::select(KNOWN).prop_map(str::to_owned), 1 => ".{0,8}"]
}

/// An object that often is an event.
fn event() -> impl Strategy<Value = Value> {
    let kinds = prop_oneof![
        4 => Just(json!("track")),
        2 => Just(json!("page")),
        2 => Just(json!("identify")),
        1 => Just(json!("alias")),
        1 => value(),
    ];
    let ids = prop_oneof![3 => "[a-z]{1,6}".prop_map(Value::from), 1 => value()];
    (kinds, ids, btree_map(name(), value(), 0..5)).prop_map(|(kind, user, more)| {
        let mut event: serde_json::Map<String, Value> = more.into_iter().collect();
        event.insert("type".into(), kind);
        event.insert("event".into(), json!("play"));
        event.insert("userId".into(), user.clone());
        event.insert("distinct_id".into(), user);
        event.remove("batch");
        event.remove("events");
        event.into()
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(body in value()) {
        for dialect in ALL {
            let _ = parse(body.to_string().as_bytes(), dialect, RECEIVED);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in vec(any::<u8>(), 0..200), form in any::<bool>()) {
        let body = if form { [&b"data="[..], &body].concat() } else { body };
        for dialect in ALL {
            let _ = parse(&body, dialect, RECEIVED);
        }
    }

    #[test]
    fn no_cut_or_flipped_body_makes_it_panic(
        events in vec(event(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = json!({"batch": events}).to_string().into_bytes();
        let at = at.index(body.len());
        for dialect in ALL {
            let _ = parse(&body[..at], dialect, RECEIVED);
        }
        body[at] = byte;
        for dialect in ALL {
            let _ = parse(&body, dialect, RECEIVED);
        }
    }

    #[test]
    fn a_batch_is_read_as_each_of_its_events_alone(
        events in vec(prop_oneof![9 => event(), 1 => value()], 0..6),
    ) {
        for dialect in ALL {
            let alone: String = events
                .iter()
                .map(|event| events_shown(&format!("[{event}]"), dialect))
                .collect();
            let list = Value::from(events.clone());
            for body in [list.to_string(), format!(r#"{{"batch":{list}}}"#), format!(r#"{{"events":{list}}}"#)] {
                prop_assert_eq!(&events_shown(&body, dialect), &alone);
            }
        }
    }

    #[test]
    fn what_is_taken_keeps_the_limits_and_its_properties_as_they_were_sent(event in event()) {
        for dialect in ALL {
            let batch = parse(format!("[{event}]").as_bytes(), dialect, RECEIVED).expect("a list");
            let Ok(taken) = &batch.events[0] else { continue };
            prop_assert!(taken.user_id.is_some() || taken.anonymous_id.is_some());
            prop_assert!(taken.timestamp >= Timestamp::EPOCH);
            prop_assert!(taken.timestamp.millis_since(RECEIVED) <= 86_400_000);
            for id in [&taken.id, &taken.user_id, &taken.anonymous_id, &taken.session_id] {
                let is_fine = |id: &String| {
                    !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control)
                };
                prop_assert!(id.as_ref().is_none_or(is_fine));
            }
            if let (EventType::Track, Some(kept)) = (taken.event_type, &taken.properties) {
                let sent = [&event["properties"], &event["traits"]].map(Value::to_string);
                prop_assert!(sent.iter().any(|sent| sent == kept.get()));
            }
        }
    }
}

fn events_shown(body: &str, dialect: Dialect) -> String {
    let batch = parse(body.as_bytes(), dialect, RECEIVED).expect("a list");
    shown_batch(&Batch { write_key: None, ..batch })
}
