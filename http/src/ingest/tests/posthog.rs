//! Bodies that PostHog's SDKs send, captured and made short.

use std::io::Write as _;

use base64::Engine;
use expect_test::expect;

use super::*;

/// `posthog-node` 5.70.0, POST /batch/
const NODE: &str = r#"{"api_key":"phc_demo","batch":[
{"event":"order completed","properties":{"total":1.5,"$session_id":"s1","$lib":"posthog-node","$lib_version":"5.70.0","$is_server":true,"$geoip_disable":true},"timestamp":"2025-06-01T12:00:00.574Z","uuid":"01a20bbe-b23f-73b2-a3c1-36ccd76be1c5","distinct_id":"u1"},
{"event":"$pageview","properties":{"$current_url":"https://x.test/","title":"T","$referrer":"$direct"},"timestamp":"2025-06-01T12:00:00.575Z","uuid":"uuid-2","distinct_id":"u1"},
{"event":"anon","properties":{"$process_person_profile":false},"timestamp":"2025-06-01T12:00:00.575Z","uuid":"uuid-3","distinct_id":"01a20bbe-b230-743c-95d6-90117df833ff"},
{"event":"$identify","properties":{"$set":{"plan":"pro"},"$set_once":{}},"timestamp":"2025-06-01T12:00:00.575Z","uuid":"uuid-4","distinct_id":"u1"},
{"event":"$create_alias","properties":{"distinct_id":"u1","alias":"a1"},"timestamp":"2025-06-01T12:00:00.575Z","uuid":"uuid-5","distinct_id":"u1"},
{"event":"$groupidentify","properties":{"$group_type":"company","$group_key":"g1","$group_set":{"n":1}},"timestamp":"2025-06-01T12:00:00.575Z","uuid":"uuid-6","distinct_id":"$company_g1"},
{"event":"$feature_flag_called","properties":{"$feature_flag":"f1"},"timestamp":"2025-06-01T12:00:00.593Z","uuid":"uuid-7","distinct_id":"u1"}
],"sent_at":"2025-06-01T12:00:00.594Z"}"#;

/// `posthog-node` 5.70.0 with POSTHOG_CAPTURE_MODE=v1, POST /i/v1/analytics/events
const V1: &str = r#"{"created_at":"2025-06-01T12:00:00.624Z","batch":[
{"event":"order completed","uuid":"uuid-1","distinct_id":"u1","timestamp":"2025-06-01T12:00:00.607Z","session_id":"s1","options":{},"properties":{"total":1.5,"$is_server":true}},
{"event":"anon","uuid":"uuid-2","distinct_id":"u2","timestamp":"2025-06-01T12:00:00.608Z","options":{"process_person_profile":false},"properties":{"$is_server":true}},
{"event":"$identify","uuid":"uuid-3","distinct_id":"u1","timestamp":"2025-06-01T12:00:00.608Z","options":{},"properties":{"$set":{"plan":"pro"},"$set_once":{}}},
{"event":"late","uuid":"uuid-4","distinct_id":"u1","timestamp":"2025-06-01T12:00:00.608Z","options":{"disable_skew_correction":true},"properties":{}}
]}"#;

/// `posthog` 7.91.1 (Python), POST /batch/
const PYTHON: &str = r#"{"batch": [
{"properties": {"total": 1.5, "$lib": "posthog-python"}, "timestamp": "2025-06-01T12:00:00.654130+00:00", "distinct_id": "u1", "event": "order completed", "uuid": "uuid-1"},
{"timestamp": "2025-06-01T12:00:00.654409+00:00", "distinct_id": "u1", "$set": {"plan": "pro"}, "event": "$set", "properties": {"$lib": "posthog-python"}, "uuid": "uuid-2"}
], "historical_migration": false, "sent_at": "2025-06-01T12:00:00.659241+00:00", "api_key": "phc_demo"}"#;

/// `posthog-js` 1.449.2, POST /e/ as text/plain
const BROWSER: &str = r#"{"api_key":"phc_demo","batch":[
{"uuid":"uuid-1","event":"clicked","properties":{"$current_url":"https://x.test/docs?a=1","$lib":"web","distinct_id":"device-1","$device_id":"device-1","$referrer":"https://r.test/","n":1,"token":"phc_demo","$session_id":"s1","$is_identified":false,"$process_person_profile":false},"timestamp":"2025-06-01T12:00:00.000Z"},
{"uuid":"uuid-2","event":"$identify","properties":{"$lib":"web","distinct_id":"u1","$device_id":"device-1","$user_id":"u1","$anon_distinct_id":"device-1","token":"phc_demo","$session_id":"s1","$is_identified":true,"$process_person_profile":true},"$set":{"plan":"pro"},"$set_once":{"$initial_referrer":"https://r.test/"},"timestamp":"2025-06-01T12:00:00.000Z"},
{"uuid":"uuid-3","event":"$pageview","properties":{"$current_url":"https://x.test/docs?a=1","distinct_id":"u1","$device_id":"device-1","$referrer":"https://r.test/","title":"T","token":"phc_demo","$session_id":"s1","$is_identified":true,"$process_person_profile":true},"timestamp":"2025-06-01T12:00:00.000Z"}
],"sent_at":"2025-06-01T12:00:00.000Z"}"#;

#[test]
fn the_node_sdk_is_understood() {
    check(
        POSTHOG,
        NODE,
        expect![[r#"
            key=phc_demo
            Track at=-20 id=01a20bbe-b23f-73b2-a3c1-36ccd76be1c5 name=order completed user=u1 session=s1 properties={"total":1.5,"$session_id":"s1","$lib":"posthog-node","$lib_version":"5.70.0","$is_server":true,"$geoip_disable":true}
            PageView at=-19 id=uuid-2 user=u1 properties={"$current_url":"https://x.test/","title":"T","$referrer":"$direct"} url=https://x.test/ title=T
            Track at=-19 id=uuid-3 name=anon anon=01a20bbe-b230-743c-95d6-90117df833ff properties={"$process_person_profile":false}
            Identify at=-19 id=uuid-4 user=u1 properties={"plan":"pro"}
            Dropped unsupported_type id=uuid-5: $create_alias events are not kept here; track, page view and identify are
            Dropped unsupported_type id=uuid-6: $groupidentify events are not kept here; track, page view and identify are
            Dropped unsupported_type id=uuid-7: $feature_flag_called events are not kept here; track, page view and identify are
        "#]],
    );
}

#[test]
fn the_new_capture_form_is_understood_with_the_time_of_sending_from_its_header() {
    let sent = moment("2025-06-01T12:00:00.625Z");
    let arrival = Arrival { received: RECEIVED, sent };
    let batch = parse(V1.as_bytes(), Dialect::PostHog(PostHogRoute::V1), arrival);
    expect![[r#"
        Track at=-18 id=uuid-1 name=order completed user=u1 session=s1 properties={"total":1.5,"$is_server":true}
        Track at=-17 id=uuid-2 name=anon anon=u2 properties={"$is_server":true}
        Identify at=-17 id=uuid-3 user=u1 properties={"plan":"pro"}
        Track at=+608 id=uuid-4 name=late user=u1 properties={}
    "#]].assert_eq(&shown_batch(&batch.expect("a batch")));
}

#[test]
fn the_python_sdk_is_understood() {
    check(
        POSTHOG,
        PYTHON,
        expect![[r#"
        key=phc_demo
        Track at=-5 id=uuid-1 name=order completed user=u1 properties={"total": 1.5, "$lib": "posthog-python"}
        Identify at=-5 id=uuid-2 user=u1 properties={"plan": "pro"}
    "#]],
    );
}

#[test]
fn the_browser_sdk_is_understood() {
    check(
        Dialect::PostHog(PostHogRoute::Capture),
        BROWSER,
        expect![[r#"
        key=phc_demo
        Track at=+0 id=uuid-1 name=clicked anon=device-1 session=s1 properties={"$current_url":"https://x.test/docs?a=1","$lib":"web","distinct_id":"device-1","$device_id":"device-1","$referrer":"https://r.test/","n":1,"token":"phc_demo","$session_id":"s1","$is_identified":false,"$process_person_profile":false}
        Identify at=+0 id=uuid-2 user=u1 anon=device-1 session=s1 properties={"plan":"pro"}
        PageView at=+0 id=uuid-3 user=u1 session=s1 properties={"$current_url":"https://x.test/docs?a=1","distinct_id":"u1","$device_id":"device-1","$referrer":"https://r.test/","title":"T","token":"phc_demo","$session_id":"s1","$is_identified":true,"$process_person_profile":true} url=https://x.test/docs?a=1 title=T referrer=https://r.test/
    "#]],
    );
}

#[test]
fn who_is_anonymous_is_said_by_the_clearest_word() {
    let table = [
        (r#"{}"#, "user"),
        (r#"{"$is_identified":false}"#, "anonymous"),
        (r#"{"$is_identified":false,"$process_person_profile":true}"#, "anonymous"),
        (r#"{"$is_identified":true,"$process_person_profile":false}"#, "user"),
        (r#"{"$process_person_profile":false}"#, "anonymous"),
        (r#"{"$process_person_profile":true}"#, "user"),
        (r#"{"$device_id":"u1"}"#, "anonymous"),
        (r#"{"$device_id":"u1","$is_identified":true}"#, "user"),
        (r#"{"$device_id":"other"}"#, "user"),
    ];
    for (properties, expected) in table {
        let body = format!(r#"{{"event":"x","distinct_id":"u1","properties":{properties}}}"#);
        let batch = parse(body.as_bytes(), POSTHOG, RECEIVED).expect("an event");
        let event = batch.events[0].as_ref().expect("nothing wrong with it");
        let found = match (event.user_id.as_deref(), event.anonymous_id.as_deref()) {
            (Some("u1"), None) => "user",
            (None, Some("u1")) => "anonymous",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{properties}");
    }
}

#[test]
fn single_events_and_lists_are_read_and_what_they_lack_is_said() {
    check(
        Dialect::PostHog(PostHogRoute::Capture),
        r#"{"api_key":"phc","event":"x","distinct_id":7,"consent_given":true,"type":"capture"}"#,
        expect![[r#"
            key=phc
            Track at=+0 name=x user=7 consent=true
        "#]],
    );
    check(
        Dialect::PostHog(PostHogRoute::Capture),
        r#"[{"event":"x","properties":{"distinct_id":"u","token":"phc","consent_given":false},"offset":1500},
            {"event":"x","uuid":"uuid-2"},
            {"distinct_id":"u","uuid":"uuid-3"},
            {"event":"x","distinct_id":"$posthog_cookieless","properties":{"$cookieless_mode":true}},
            {"event":"x","distinct_id":"u","uuid":"\u0000"},
            {"event":"x","distinct_id":["u"],"uuid":"uuid-6"}]"#,
        expect![[r#"
            key=phc
            Track at=-1500 name=x user=u properties={"distinct_id":"u","token":"phc","consent_given":false} consent=false
            Rejected missing_user id=uuid-2: say whom the event is about: distinct_id
            Rejected missing_name id=uuid-3: `event` must be the event's name
            Rejected missing_user: events without cookies tell no visitor from another; they can't earn
            Rejected invalid_id: uuid must not contain control characters
            Rejected invalid_id id=uuid-6: distinct_id must be a string or a number
        "#]],
    );
}

#[test]
fn a_form_holds_json_or_base64_of_it() {
    let json = r#"{"token":"phc","event":"a+b?","distinct_id":"ü"}"#;
    check(
        POSTHOG,
        json,
        expect![[r#"
        key=phc
        Track at=+0 name=a+b? user=ü
    "#]],
    );
    let base64 = base64::engine::general_purpose::STANDARD.encode(json);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(json.as_bytes()).expect("memory takes all");
    let packed = packer.finish().expect("memory takes all");
    let packed = base64::engine::general_purpose::STANDARD.encode(packed);
    let escaped = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    for body in [
        format!("data={}", escaped(json)),
        format!("data={base64}"),
        format!("data={}", escaped(&base64)),
        format!("data={}", base64.trim_end_matches('=')),
        format!("compression=base64&data={}&ip=1", escaped(&base64)),
        format!("data={}&compression=gzip-js", escaped(&packed)),
        format!("data={packed}"),
    ] {
        assert_eq!(shown(body.as_bytes(), POSTHOG), shown(json.as_bytes(), POSTHOG), "{body}");
    }
    check(
        POSTHOG,
        "data=",
        expect![[r#"
        the form field `data` could not be decoded: the Base64 holds no JSON object or array
    "#]],
    );
    check(
        POSTHOG,
        "data=***",
        expect![[r#"
        the form field `data` could not be decoded: neither JSON nor Base64
    "#]],
    );
    check(
        POSTHOG,
        "data=aGVsbG8",
        expect![[r#"
        the form field `data` could not be decoded: the Base64 holds no JSON object or array
    "#]],
    );
    check(
        POSTHOG,
        "data=H4sIAAAA",
        expect![[r#"
        the form field `data` could not be decoded: the gzip data in it is broken
    "#]],
    );
    check(
        POSTHOG,
        "compression=base64",
        expect![[r#"
        the body is not JSON: expected value at line 1 column 1; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
    check(
        EVENTS,
        &format!("data={base64}"),
        expect![[r#"
        the body is not JSON: expected value at line 1 column 1; send {"events":[…]}, {"batch":[…]}, an array of events or one event object
    "#]],
    );
}

#[test]
fn a_form_that_unpacks_to_too_much_is_refused() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&vec![b' '; MAX_BODY_BYTES + 1]).expect("memory takes all");
    let packed = packer.finish().expect("memory takes all");
    let body = format!("data={}", base64::engine::general_purpose::STANDARD.encode(packed));
    check(
        POSTHOG,
        &body,
        expect![[r#"
        the form field `data` could not be decoded: it is larger than 4 MiB when unpacked
    "#]],
    );
}
