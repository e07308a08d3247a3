//! Bodies that nobody sends by accident.

use expect_test::expect;

use super::*;

fn only(body: &str) -> Result<IncomingEvent, &'static str> {
    let mut batch = parse(body.as_bytes(), EVENTS, RECEIVED).expect("readable");
    assert_eq!(batch.events.len(), 1);
    batch.events.remove(0).map_err(|refused| refused.code)
}

#[test]
fn of_two_fields_of_the_same_meaning_the_last_wins() {
    check(
        EVENTS,
        r#"{"type":"page","type":"track","userId":"a","user_id":"b","properties":{"n":1},"properties":{"n":2},
            "event":"x","event":"y"}"#,
        expect![[r#"
            Track at=+0 name=y user=b properties={"n":2}
        "#]],
    );
    let body =
        r#"{"events":[{"type":"track","userId":"a"}],"batch":[{"type":"track","userId":"b"}]}"#;
    check(
        EVENTS,
        body,
        expect![[r#"
        Track at=+0 user=a
        Track at=+0 user=b
    "#]],
    );
}

#[test]
fn numbers_past_any_range_do_no_harm_where_they_are_kept_or_skipped() {
    check(
        EVENTS,
        r#"[{"type":"track","userId":123456789012345678901234567890,"properties":{"n":1e999999,"m":-0.0},"x":1e999},
            1e999,
            {"type":"track","userId":"u","timestamp":1e999}]"#,
        expect![[r#"
            Track at=+0 user=123456789012345678901234567890 properties={"n":1e999999,"m":-0.0}
            Rejected not_an_object: an event must be a JSON object
            Rejected invalid_timestamp: timestamp can't be read; send RFC 3339, as in 2025-01-31T12:00:00.000Z
        "#]],
    );
}

#[test]
fn half_a_surrogate_pair_hurts_nobody() {
    check(
        EVENTS,
        r#"[{"type":"track","userId":"u","event":"cut \ud83d","properties":{"a\ud83d":"\ude00 \\ud83d \uD83D\uDE00 \ud83d\ud83d\ude00 \ud83dx"},"\ud83d":1},
            "\ud83d",
            {"type":"track","userId":"\udc00"}]"#,
        expect![[r#"
            Track at=+0 name=cut � user=u properties={"a\ufffd":"\ufffd \\ud83d \uD83D\uDE00 \ufffd\ud83d\ude00 \ufffdx"}
            Rejected not_an_object: an event must be a JSON object
            Track at=+0 user=�
        "#]],
    );
}

#[test]
fn deep_nesting_is_refused_in_its_event_and_skipped_elsewhere() {
    let nested =
        |depth: usize| format!("{}{}", "{\"a\":".repeat(depth - 1), "{}") + &"}".repeat(depth - 1);
    let with =
        |field: &str, value: &str| format!(r#"{{"type":"track","userId":"u","{field}":{value}}}"#);
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(only(&with("properties", &nested(MAX_DEPTH))).is_ok());
    assert_eq!(
        only(&with("properties", &nested(MAX_DEPTH + 1))).err(),
        Some("properties_too_deep")
    );
    assert_eq!(only(&with("context", &nested(MAX_DEPTH + 1))).err(), Some("properties_too_deep"));
    let broad =
        format!("{{\"a\":[{}],\"b\":\"{}\"}}", vec!["{}"; 500].join(","), "[\\\"{".repeat(500));
    assert!(only(&with("properties", &broad)).is_ok());
    assert!(only(&with("unknown", &lists(1_000_000))).is_ok());
    assert_eq!(only(&with("user_id", &lists(1_000_000))).err(), Some("invalid_id"));
    assert_eq!(only(&format!("[{}]", lists(100))).err(), Some("not_an_object"));
    assert_eq!(only(&with("type", &lists(1_000_000))).err(), Some("unknown_type"));
}

#[test]
fn limits_are_kept_to_the_byte() {
    let id = |n: usize| format!(r#"{{"type":"track","userId":"{}"}}"#, "x".repeat(n));
    assert!(only(&id(MAX_ID_BYTES)).is_ok());
    assert_eq!(only(&id(MAX_ID_BYTES + 1)).err(), Some("id_too_long"));

    let name = |n: usize| format!(r#"{{"type":"track","userId":"u","event":"{}"}}"#, "ü".repeat(n));
    assert!(only(&name(MAX_NAME_CHARS)).is_ok());
    assert_eq!(only(&name(MAX_NAME_CHARS + 1)).err(), Some("name_too_long"));

    for field in ["properties", "context"] {
        let sized = |n: usize| {
            let text = "x".repeat(n - r#"{"a":""}"#.len());
            format!(r#"{{"type":"track","userId":"u","{field}":{{"a":"{text}"}}}}"#)
        };
        assert!(only(&sized(MAX_PROPERTIES_BYTES)).is_ok());
        let refused = only(&sized(MAX_PROPERTIES_BYTES + 1));
        assert_eq!(refused.err(), Some("properties_too_large"));
    }

    let url = format!(r#"{{"type":"page","userId":"u","page_url":"x{}"}}"#, "ü".repeat(4_000));
    let event = only(&url).expect("only cut");
    assert_eq!(event.page_url.map(|url| url.len()), Some(MAX_PAGE_FIELD_BYTES - 1));
}

#[test]
fn a_batch_of_too_many_is_refused_as_a_whole() {
    let batch = |n: usize| format!("[{}]", vec![r#"{"type":"track","userId":"u"}"#; n].join(","));
    let most = parse(batch(MAX_EVENTS).as_bytes(), EVENTS, RECEIVED).expect("just enough");
    assert_eq!(most.events.len(), MAX_EVENTS);
    check(
        EVENTS,
        &batch(MAX_EVENTS + 1),
        expect![[r#"
        2501 events in one body; at most 2500 are taken, send them in smaller batches
    "#]],
    );
    let two = format!(r#"{{"events":{0},"batch":{0}}}"#, batch(1_251));
    check(
        EVENTS,
        &two,
        expect![[r#"
        2502 events in one body; at most 2500 are taken, send them in smaller batches
    "#]],
    );
}

#[test]
fn bytes_that_are_no_text_are_unreadable() {
    expect![[r#"
        the body is not UTF-8 (byte 9); send JSON text in UTF-8, or name its compression in Content-Encoding
    "#]].assert_eq(&shown(b"{\"type\":\"\xff\"}", EVENTS));
    expect![[r#"
        the body is not UTF-8 (byte 1); send JSON text in UTF-8, or name its compression in Content-Encoding
    "#]].assert_eq(&shown(b"\x1f\x8b\x08\x00", POSTHOG));
    // The halves of a pair, as some encoders write them.
    assert!(parse(b"{\"type\":\"track\",\"userId\":\"\xed\xa0\xbd\"}", EVENTS, RECEIVED).is_err());
    assert!(parse(b"{\"type\":\"track\",\"userId\":\"a\x00b\"}", EVENTS, RECEIVED).is_err());
}
