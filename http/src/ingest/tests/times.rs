//! Tests of the times at which events happened.

use super::*;

fn at(fields: &str) -> Result<i64, &'static str> {
    let body = format!(r#"{{"type":"track","userId":"u"{fields}}}"#);
    let batch = parse(body.as_bytes(), EVENTS, RECEIVED).expect("an event");
    match &batch.events[0] {
        Ok(event) => Ok(event.timestamp.millis_since(RECEIVED)),
        Err(refused) => Err(refused.code),
    }
}

#[test]
fn times_are_read_in_every_form_that_clients_send() {
    let table = [
        (r#""2025-06-01T12:00:00Z""#, Some(0)),
        (r#""2025-06-01T12:00:00.123Z""#, Some(123)),
        (r#""2025-06-01T12:00:00.123456+00:00""#, Some(123)),
        (r#""2025-06-01T14:00:00+02:00""#, Some(0)),
        (r#""2025-06-01T12:00:00""#, Some(0)),
        (r#""2025-06-01 12:00:00""#, Some(0)),
        (r#""2025-06-01""#, Some(-43_200_000)),
        ("1748779200000", Some(0)),
        ("1748779200", Some(0)),
        ("1748779200.5", Some(500)),
        (r#""1748779200000""#, Some(0)),
        (r#""2025-06-01T12:00:00\u005a""#, Some(0)),
        (r#""1970-01-01T00:00:00Z""#, Some(-1_748_779_200_000)),
        (r#""1969-12-31T23:59:59Z""#, None),
        ("-1", None),
        ("1e400", None),
        (r#""nan""#, None),
        (r#""inf""#, None),
        (r#""yesterday""#, None),
        (r#""""#, None),
        ("true", None),
        ("{}", None),
        (r#""2025-02-30T00:00:00Z""#, None),
        (r#""99999-01-01T00:00:00Z""#, None),
    ];
    for (text, expected) in table {
        let expected = expected.ok_or("invalid_timestamp");
        assert_eq!(at(&format!(r#","timestamp":{text}"#)), expected, "{text}");
    }
    assert_eq!(at(""), Ok(0));
    assert_eq!(at(r#","timestamp":null"#), Ok(0));
    assert_eq!(at(r#","originalTimestamp":"2025-06-01T12:00:01Z""#), Ok(1000));
}

#[test]
fn a_wrong_clock_is_corrected_by_what_it_showed_when_the_request_was_sent() {
    let table = [
        // A clock that is right, a request that took half a second.
        ("2025-06-01T11:59:58Z", "2025-06-01T11:59:59.500Z", Ok(-1_500)),
        // An hour slow, two years fast, and in 1970.
        ("2025-06-01T10:59:00Z", "2025-06-01T11:00:00Z", Ok(-60_000)),
        ("2027-06-01T11:59:00Z", "2027-06-01T12:00:00Z", Ok(-60_000)),
        ("1970-01-01T00:00:10Z", "1970-01-01T00:00:40Z", Ok(-30_000)),
        // Kept for a year before it was sent.
        ("2024-06-01T12:00:00Z", "2025-06-01T12:00:00Z", Ok(-31_536_000_000)),
        // A time of sending that can't be read corrects nothing.
        ("2025-06-01T11:59:59Z", "soon", Ok(-1_000)),
        // Nonsense.
        ("1970-01-01T00:00:00Z", "2025-06-02T12:00:00Z", Err("invalid_timestamp")),
    ];
    for (timestamp, sent_at, expected) in table {
        for name in ["sentAt", "sent_at"] {
            let fields = format!(r#","timestamp":"{timestamp}","{name}":"{sent_at}""#);
            assert_eq!(at(&fields), expected, "{timestamp} sent {sent_at}");
        }
    }
}

#[test]
fn more_than_a_day_ahead_becomes_the_time_of_receipt() {
    assert_eq!(at(r#","timestamp":"2025-06-02T12:00:00Z""#), Ok(86_400_000));
    assert_eq!(at(r#","timestamp":"2025-06-02T12:00:00.001Z""#), Ok(0));
    assert_eq!(at(r#","timestamp":"9999-12-30T00:00:00Z""#), Ok(0));
}

#[test]
fn the_batch_is_sent_once_but_an_event_may_say_otherwise() {
    let body = r#"{"batch":[
        {"type":"track","userId":"u","timestamp":"2025-06-01T10:00:00Z"},
        {"type":"track","userId":"u","timestamp":"2025-06-01T10:00:00Z","sentAt":"2025-06-01T10:00:01Z"}],
        "sentAt":"2025-06-01T10:00:05Z"}"#;
    let batch = parse(body.as_bytes(), EVENTS, RECEIVED).expect("a batch");
    let times: Vec<i64> = batch
        .events
        .iter()
        .map(|event| event.as_ref().expect("fine").timestamp.millis_since(RECEIVED))
        .collect();
    assert_eq!(times, [-5_000, -1_000]);
}
