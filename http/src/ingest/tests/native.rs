//! `/events`, `/identify`, `/page` in both spellings.

use expect_test::expect;

use super::*;

const IDENTIFY: Dialect = Dialect::Priv(PrivRoute::Identify);
const PAGE: Dialect = Dialect::Priv(PrivRoute::Page);

#[test]
fn both_spellings_and_all_shapes_say_the_same() {
    let snake = r#"{"event_type":"track","event_name":"play","event_id":"e1","user_id":"u1",
        "anonymous_id":"a1","session_id":"s1","properties":{"n": 1},"context":{"lib":"x"},
        "timestamp":"2025-06-01T11:59:59Z","consent_given":true}"#;
    let camel = r#"{"type":"track","event":"play","messageId":"e1","userId":"u1",
        "anonymousId":"a1","sessionId":"s1","properties":{"n": 1},"context":{"lib":"x"},
        "timestamp":"2025-06-01T11:59:59Z","consentGiven":true}"#;
    let expected = expect![[r#"
        Track at=-1000 id=e1 name=play user=u1 anon=a1 session=s1 properties={"n": 1} context={"lib":"x"} consent=true
    "#]];
    for event in [snake, camel] {
        expected.assert_eq(&shown(event.as_bytes(), EVENTS));
        for body in [
            format!("{{\"events\":[{event}]}}"),
            format!("{{\"batch\":[{event}],\"unknown\":{{\"a\":[1]}}}}"),
            format!(" [ {event} ] "),
            format!("\u{feff}[{event}]"),
        ] {
            expected.assert_eq(&shown(body.as_bytes(), EVENTS));
        }
    }
}

#[test]
fn an_id_has_many_names_and_may_be_a_number_empty_or_null() {
    check(
        EVENTS,
        r#"[
        {"type":"track","user_id":1,"id":"id","uuid":"uuid","messageId":"message","event_id":"event"},
        {"type":"track","user_id":-7,"id":"id","uuid":"uuid","messageId":"message","event_id":null},
        {"type":"track","userId":1.5,"id":"id","uuid":"uuid"},
        {"type":"track","userId":"","anonymousId":"a","id":7},
        {"type":"track","userId":null,"user_id":"u","id":""},
        {"type":"track","user_id":"u","userId":null}
        ]"#,
        expect![[r#"
            Track at=+0 id=event user=1
            Track at=+0 id=message user=-7
            Track at=+0 id=uuid user=1.5
            Track at=+0 id=7 anon=a
            Track at=+0 user=u
            Track at=+0 user=u
        "#]],
    );
}

#[test]
fn a_bad_event_says_what_is_wrong_and_leaves_its_neighbours_alone() {
    check(
        EVENTS,
        r#"{"events":[
        {"event_type":"track","user_id":"u"},
        7, "x", null, [[{}]], true, 1.5,
        {"user_id":"u","event_id":"e8"},
        {"event_type":"purchase","user_id":"u"},
        {"event_type":["track"],"user_id":"u"},
        {"event_type":"screen","user_id":"u","event_id":"e11"},
        {"event_type":"track"},
        {"event_type":"track","user_id":null,"anonymous_id":""},
        {"event_type":"track","user_id":{"id":1}},
        {"event_type":"track","user_id":true},
        {"event_type":"track","user_id":"a\u0000b"},
        {"event_type":"track","user_id":"a\nb"},
        {"event_type":"track","user_id":"u","event_id":"\u0007"},
        {"event_type":"track","user_id":"u","session_id":[]},
        {"event_type":"track","user_id":"u","event_name":{}},
        {"event_type":"track","user_id":"u","properties":[1]},
        {"event_type":"track","user_id":"u","properties":"{}"},
        {"event_type":"track","user_id":"u"}
        ]}"#,
        expect![[r#"
            Track at=+0 user=u
            Rejected not_an_object: an event must be a JSON object
            Rejected not_an_object: an event must be a JSON object
            Rejected not_an_object: an event must be a JSON object
            Rejected not_an_object: an event must be a JSON object
            Rejected not_an_object: an event must be a JSON object
            Rejected not_an_object: an event must be a JSON object
            Rejected missing_type id=e8: say what kind of event it is: event_type (or type) is track, page_view or identify
            Rejected unknown_type: there is no event type "purchase"; send track, page_view or identify
            Rejected unknown_type: there is no event type "[\"track\"]"; send track, page_view or identify
            Dropped unsupported_type id=e11: screen events are not kept here; track, page view and identify are
            Rejected missing_user: say whom the event is about: user_id or anonymous_id (userId, anonymousId)
            Rejected missing_user: say whom the event is about: user_id or anonymous_id (userId, anonymousId)
            Rejected invalid_id: user_id must be a string or a number
            Rejected invalid_id: user_id must be a string or a number
            Rejected invalid_id: user_id must not contain control characters
            Rejected invalid_id: user_id must not contain control characters
            Rejected invalid_id: event_id must not contain control characters
            Rejected invalid_id: session_id must be a string or a number
            Rejected invalid_name: the event's name must be a string
            Rejected invalid_properties: properties must be a JSON object
            Rejected invalid_properties: properties must be a JSON object
            Track at=+0 user=u
        "#]],
    );
}

#[test]
fn the_route_gives_the_type_where_the_event_does_not() {
    check(
        IDENTIFY,
        r#"{"user_id":"u","anonymous_id":"a","traits":{"plan":"pro"},"event_id":"e"}"#,
        expect![[r#"
            Identify at=+0 id=e user=u anon=a properties={"plan":"pro"}
        "#]],
    );
    check(
        IDENTIFY,
        r#"{"anonymous_id":"a","traits":{}}"#,
        expect![[r#"
        Rejected missing_user_id: identify needs a user_id
    "#]],
    );
    check(
        IDENTIFY,
        r#"{"type":"track","anonymous_id":"a","event":"x"}"#,
        expect![[r#"
        Track at=+0 name=x anon=a
    "#]],
    );
    check(
        EVENTS,
        r#"{"type":"identify","anonymous_id":"a","traits":{"n":1}}"#,
        expect![[r#"
        Identify at=+0 anon=a properties={"n":1}
    "#]],
    );
    check(
        PAGE,
        r#"{"anonymous_id":"a","page_url":"https://x.test/","page_title":"T","referrer":"https://r.test/"}"#,
        expect![[r#"
            PageView at=+0 anon=a url=https://x.test/ title=T referrer=https://r.test/
        "#]],
    );
    check(
        PAGE,
        r#"{"anonymousId":"a","name":"Home","properties":{"url":"https://x.test/","title":"T","referrer":"","n":1}}"#,
        expect![[r#"
            PageView at=+0 name=Home anon=a properties={"url":"https://x.test/","title":"T","referrer":"","n":1} url=https://x.test/ title=T
        "#]],
    );
    check(
        PAGE,
        r#"{"anonymousId":"a","url":"/","title":7,"properties":{"url":"/no"}}"#,
        expect![[r#"
            PageView at=+0 anon=a properties={"url":"/no"} url=/
        "#]],
    );
}

#[test]
fn properties_of_a_track_are_not_looked_into() {
    check(
        EVENTS,
        r#"{"type":"track","userId":"u","properties":{"url":"https://x.test/"}}"#,
        expect![[r#"
            Track at=+0 user=u properties={"url":"https://x.test/"}
        "#]],
    );
}

#[test]
fn consent_is_read_in_each_of_its_forms_and_never_guessed() {
    let table = [
        (r#""consent_given":true"#, Some(true)),
        (r#""consent_given":false"#, Some(false)),
        (r#""consent_given":null,"context":{"consent":true}"#, Some(true)),
        (r#""consent_given":false,"context":{"consent":true}"#, Some(false)),
        (r#""context":{"consent":false}"#, Some(false)),
        (r#""context":{"consent":{"analytics":true}}"#, Some(true)),
        (r#""context":{"consent":{"analytics":"yes"}}"#, None),
        (r#""context":{"consent":{"marketing":true}}"#, None),
        (
            r#""context":{"consent":{"categoryPreferences":{"Analytics":true,"Ads":false}}}"#,
            Some(true),
        ),
        (r#""context":{"consent":{"categoryPreferences":{"ANALYTICS":false}}}"#, Some(false)),
        (
            r#""context":{"consent":{"categoryPreferences":{"Analytics":true,"analytics":false}}}"#,
            Some(false),
        ),
        (r#""context":{"consent":{"categoryPreferences":[true]}}"#, None),
        (r#""context":{"consent":[true]}"#, None),
        (r#""context":{"other":{"consent":true}}"#, None),
        (r#""context":"\"consent\":true""#, None),
    ];
    for (said, expected) in table {
        let body = format!(r#"{{"type":"track","userId":"u",{said}}}"#);
        let batch = parse(body.as_bytes(), EVENTS, RECEIVED).expect("an event");
        let event = batch.events[0].as_ref().expect("nothing wrong with it");
        assert_eq!(event.consent_given, expected, "{said}");
    }
}

#[test]
fn what_is_meant_about_consent_is_not_guessed() {
    for said in [r#""true""#, "1", "{}", r#""maybe""#] {
        let body = format!(r#"{{"type":"track","userId":"u","consent_given":{said}}}"#);
        let batch = parse(body.as_bytes(), EVENTS, RECEIVED).expect("an event");
        let refused = batch.events[0].as_ref().expect_err("it says nothing that can be read");
        assert_eq!(refused.code, "invalid_consent", "{said}");
    }
}

#[test]
fn a_context_that_is_given_once_is_for_the_events_that_have_none() {
    check(
        EVENTS,
        r#"{"context":{"consent":true,"lib":"b"},"batch":[
        {"type":"track","userId":"u"},
        {"type":"track","userId":"u","context":null},
        {"type":"track","userId":"u","context":{"lib":"own"}},
        {"type":"track","userId":"u","context":"no object"}]}"#,
        expect![[r#"
            Track at=+0 user=u context={"consent":true,"lib":"b"} consent=true
            Track at=+0 user=u context={"consent":true,"lib":"b"} consent=true
            Track at=+0 user=u context={"lib":"own"}
            Track at=+0 user=u context={"consent":true,"lib":"b"} consent=true
        "#]],
    );
    let large = "x".repeat(MAX_SHARED_CONTEXT_BYTES);
    let body = format!(
        r#"{{"context":{{"consent":true,"lib":"{large}"}},"batch":[{{"type":"track","userId":"u"}}]}}"#
    );
    check(
        EVENTS,
        &body,
        expect![[r#"
        Track at=+0 user=u consent=true
    "#]],
    );
}

#[test]
fn the_key_is_found_wherever_clients_put_it() {
    for (body, dialect) in [
        (r#"{"writeKey":"pk","batch":[]}"#, EVENTS),
        (r#"{"batch":[],"api_key":"pk"}"#, EVENTS),
        (r#"{"batch":[{"type":"track","userId":"u","writeKey":"pk"}]}"#, EVENTS),
        (r#"[null,{"event":"x","distinct_id":"u","token":"pk"}]"#, POSTHOG),
        (r#"[{"event":"x","properties":{"distinct_id":"u","token":"pk"}}]"#, POSTHOG),
    ] {
        let batch = parse(body.as_bytes(), dialect, RECEIVED).expect("readable");
        assert_eq!(batch.write_key.as_deref(), Some("pk"), "{body}");
    }
    let body = r#"[{"type":"track","userId":"u","properties":{"token":"not a key"}}]"#;
    let batch = parse(body.as_bytes(), EVENTS, RECEIVED).expect("readable");
    assert_eq!(batch.write_key, None);
}

#[test]
fn what_holds_no_event_at_all_is_unreadable() {
    for body in ["", " \n", "{", "[", "{\"events\":[", "nope", "7", "\"x\"", "null", "{}", "[1,]"] {
        assert!(parse(body.as_bytes(), EVENTS, RECEIVED).is_err(), "{body}");
    }
    check(
        EVENTS,
        "",
        expect![[r#"
        the body is empty; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
    check(
        EVENTS,
        "[{]",
        expect![[r#"
        the body is not JSON: key must be a string at line 1 column 3; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
    check(
        EVENTS,
        "null",
        expect![[r#"
        the body holds no event; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
    check(
        EVENTS,
        r#"{"event":"x"} trailing"#,
        expect![[r#"
        the body is not JSON: trailing characters at line 1 column 15; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
    check(
        EVENTS,
        r#"{"items":[{"type":"track"}],"writeKey":"pk"}"#,
        expect![[r#"
        the body holds no event; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
    check(
        EVENTS,
        r#"{"events":{"type":"track"}}"#,
        expect![[r#"
        `events` and `batch` must be arrays of event objects
    "#]],
    );
    check(
        EVENTS,
        r#"{"batch":7}"#,
        expect![[r#"
        `events` and `batch` must be arrays of event objects
    "#]],
    );
    check(EVENTS, r#"{"events":[]}"#, expect![[""]]);
    check(
        EVENTS,
        r#"{"events":null,"type":"track","user_id":"u"}"#,
        expect![[r#"
            Track at=+0 user=u
        "#]],
    );
}
