//! Bodies that Segment's SDKs send, captured and made short.

use expect_test::expect;

use super::*;

/// `@segment/analytics-node` 3.1.0
const NODE: &str = r#"{"batch":[
{"timestamp":"2025-06-01T11:59:58.075Z","integrations":{},"event":"Order Completed","type":"track","properties":{"total":1.5},"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"userId":"u1","messageId":"node-next-1795493376075-c6bf0343-032e-4901-a57d-487218f39eb2","_metadata":{"nodeVersion":"v20.20.2","jsRuntime":"node"}},
{"timestamp":"2025-06-01T11:59:58.076Z","integrations":{},"type":"page","properties":{"url":"https://x.test/","title":"T","referrer":"https://r.test/","category":"Docs"},"category":"Docs","name":"Home","context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"anonymousId":"a1","messageId":"m2","_metadata":{"nodeVersion":"v20.20.2","jsRuntime":"node"}},
{"timestamp":"2025-06-01T11:59:58.076Z","integrations":{},"type":"identify","userId":"u1","traits":{"plan":"pro"},"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"messageId":"m3"},
{"timestamp":"2025-06-01T11:59:58.076Z","integrations":{},"type":"screen","properties":{},"name":"Main","context":{},"userId":"u1","messageId":"m4"},
{"timestamp":"2025-06-01T11:59:58.076Z","integrations":{},"type":"group","traits":{"n":1},"groupId":"g1","context":{},"userId":"u1","messageId":"m5"},
{"timestamp":"2025-06-01T11:59:58.076Z","integrations":{},"userId":"u1","type":"alias","previousId":"a1","context":{},"messageId":"m6"}
],"writeKey":"pk_test_demo","sentAt":"2025-06-01T11:59:58.080Z"}"#;

/// `segment-analytics-python` 2.4.0
const PYTHON: &str = r#"{"batch": [
{"integrations": {}, "anonymousId": null, "properties": {"total": 1.5}, "timestamp": "2025-01-02T03:04:05.678+00:00", "context": {"library": {"name": "analytics-python", "version": "2.4.0"}}, "userId": "u1", "type": "track", "event": "Order Completed", "messageId": "3f3069cc-1083-4b5c-b761-818f62635b34"},
{"integrations": {}, "anonymousId": null, "timestamp": "2025-06-01T12:00:00.200+00:00", "context": {}, "type": "identify", "userId": "u1", "traits": {"plan": "pro"}, "messageId": "m2"},
{"integrations": {}, "anonymousId": "a1", "properties": {}, "timestamp": "2025-06-01T12:00:00.200+00:00", "context": {}, "userId": null, "type": "track", "event": "x", "messageId": "m3"}
], "sentAt": "2025-06-01T12:00:00.700556+00:00", "writeKey": "pk_test_demo"}"#;

/// `@segment/analytics-next` 1.84.3, one event a request, sent as text/plain to `/v1/t`
const BROWSER: &str = r#"{"timestamp":"2025-06-01T11:00:00.000Z","integrations":{},"event":"clicked","type":"track","properties":{"n":1},"context":{"page":{"path":"/docs","referrer":"","search":"","title":"T","url":"https://x.test/docs"},"userAgent":"Mozilla/5.0","locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"consent":{"categoryPreferences":{"Advertising":false,"Analytics":true}}},"messageId":"ajs-next-1","anonymousId":"a1","writeKey":"pk_test_demo","userId":null,"sentAt":"2025-06-01T11:00:00.250Z","_metadata":{"bundled":["Segment.io"],"unbundled":[],"bundledIds":[]}}"#;

#[test]
fn the_node_sdk_is_understood() {
    check(
        SEGMENT,
        NODE,
        expect![[r#"
            key=pk_test_demo
            Track at=-5 id=node-next-1795493376075-c6bf0343-032e-4901-a57d-487218f39eb2 name=Order Completed user=u1 properties={"total":1.5} context={"library":{"name":"@segment/analytics-node","version":"3.1.0"}}
            PageView at=-4 id=m2 name=Home anon=a1 properties={"url":"https://x.test/","title":"T","referrer":"https://r.test/","category":"Docs"} context={"library":{"name":"@segment/analytics-node","version":"3.1.0"}} url=https://x.test/ title=T referrer=https://r.test/
            Identify at=-4 id=m3 user=u1 properties={"plan":"pro"} context={"library":{"name":"@segment/analytics-node","version":"3.1.0"}}
            Dropped unsupported_type id=m4: screen events are not kept here; track, page view and identify are
            Dropped unsupported_type id=m5: group events are not kept here; track, page view and identify are
            Dropped unsupported_type id=m6: alias events are not kept here; track, page view and identify are
        "#]],
    );
}

#[test]
fn the_python_sdk_is_understood() {
    check(
        SEGMENT,
        PYTHON,
        expect![[r#"
        key=pk_test_demo
        Track at=-12992155022 id=3f3069cc-1083-4b5c-b761-818f62635b34 name=Order Completed user=u1 properties={"total": 1.5} context={"library": {"name": "analytics-python", "version": "2.4.0"}}
        Identify at=-500 id=m2 user=u1 properties={"plan": "pro"} context={}
        Track at=-500 id=m3 name=x anon=a1 properties={} context={}
    "#]],
    );
}

#[test]
fn the_browser_sdk_is_understood_and_its_clock_corrected() {
    check(
        Dialect::Segment(SegmentRoute::Track),
        BROWSER,
        expect![[r#"
        key=pk_test_demo
        Track at=-250 id=ajs-next-1 name=clicked anon=a1 properties={"n":1} context={"page":{"path":"/docs","referrer":"","search":"","title":"T","url":"https://x.test/docs"},"userAgent":"Mozilla/5.0","locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"consent":{"categoryPreferences":{"Advertising":false,"Analytics":true}}} consent=true
    "#]],
    );
}

#[test]
fn a_route_for_one_type_gives_it_and_those_not_kept_are_dropped() {
    let body = r#"{"userId":"u1","messageId":"m1","event":"x"}"#;
    for (route, expected) in [
        (
            SegmentRoute::Batch,
            expect![[r#"
            Rejected missing_type id=m1: say what kind of event it is: event_type (or type) is track, page_view or identify
        "#]],
        ),
        (
            SegmentRoute::Track,
            expect![[r#"
            Track at=+0 id=m1 name=x user=u1
        "#]],
        ),
        (
            SegmentRoute::Identify,
            expect![[r#"
            Identify at=+0 id=m1 name=x user=u1
        "#]],
        ),
        (
            SegmentRoute::Page,
            expect![[r#"
            PageView at=+0 id=m1 name=x user=u1
        "#]],
        ),
        (
            SegmentRoute::Screen,
            expect![[r#"
                Dropped unsupported_type id=m1: screen events are not kept here; track, page view and identify are
            "#]],
        ),
        (
            SegmentRoute::Group,
            expect![[r#"
                Dropped unsupported_type id=m1: group events are not kept here; track, page view and identify are
            "#]],
        ),
        (
            SegmentRoute::Alias,
            expect![[r#"
                Dropped unsupported_type id=m1: alias events are not kept here; track, page view and identify are
            "#]],
        ),
    ] {
        check(Dialect::Segment(route), body, expected);
    }
}
