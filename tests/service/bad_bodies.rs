//! Bodies that are broken, too large, compressed wrongly, or have impossible values are refused on
//! every route, and change nothing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::routes::{Body, Fixture, ROUTES};
use super::story::{Verdicts, items, track};
use super::tokens::with;

const MIB: usize = 1 << 20;

#[test]
fn bodies_that_are_no_json_are_refused_on_every_route() {
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    let nested = format!("{{\"a\":{}1{}}}", "{\"a\":".repeat(65), "}".repeat(65));
    let unreadable: &[&[u8]] = &[
        b"{",
        b"{\"",
        b"nonsense",
        b"{'a':1}",
        b"NaN",
        b"\xff\xfe{\"\x00",
        b"{\"user_id\":\"\xc3\x28\"}",
        b"\x00\x00\x00",
        b"<xml/>",
        &deep,
        nested.as_bytes(),
    ];
    Fixture::new().unchanged_by(|fixture| {
        for route in ROUTES.iter().filter(|route| route.reads_json()) {
            let caller = fixture.entitled(route);
            for body in unreadable {
                let answer = caller.send(&route.method(), &route.path(fixture), Some(body));
                answer.refused(400, "INVALID_REQUEST");
            }
            if matches!(route.body, Body::Json | Body::Events) {
                let answer = caller.send(&route.method(), &route.path(fixture), Some(b""));
                answer.refused(400, "INVALID_REQUEST");
            }
        }
    });
}

#[test]
fn json_of_another_shape_is_refused_on_every_route() {
    Fixture::new().unchanged_by(|fixture| {
        for route in ROUTES.iter().filter(|route| route.reads_json()) {
            // Some of the compatible routes take lists of events.
            let lists: &[&str] =
                if route.body == Body::Events { &[] } else { &["[]", "[1,2]", "[[[[[[]]]]]]"] };
            for body in ["null", "\"text\"", "12", "true"].iter().chain(lists) {
                let caller = fixture.entitled(route);
                let answer =
                    caller.send(&route.method(), &route.path(fixture), Some(body.as_bytes()));
                let refused = answer.status == 400;
                assert!(refused, "{body} was taken: {answer}");
                let code = answer.error()["code"].as_str();
                assert!(matches!(code, Some("INVALID_REQUEST" | "VALIDATION_ERROR")), "{answer}");
            }
        }
    });
}

#[test]
fn oversize_bodies_are_refused_on_every_route_however_they_are_packed() {
    let blank = |bytes: usize| [b"{".to_vec(), b" ".repeat(bytes), b"}".to_vec()].concat();
    let (over_1, over_4) = (blank(MIB), blank(4 * MIB));
    let bomb = gzip(&blank(64 * MIB));
    Fixture::new().unchanged_by(|fixture| {
        for route in ROUTES.iter().filter(|route| route.reads_json()) {
            let caller = fixture.entitled(route);
            let over = if route.body == Body::Events { &over_4 } else { &over_1 };
            let answer = caller.send(&route.method(), &route.path(fixture), Some(over));
            answer.refused(413, "PAYLOAD_TOO_LARGE");
            let packed = caller.with("content-encoding", "gzip");
            let answer = packed.send(&route.method(), &route.path(fixture), Some(&bomb));
            answer.refused(413, "PAYLOAD_TOO_LARGE");
        }
    });
}

#[test]
fn broken_and_unknown_encodings_are_refused_on_every_route() {
    let mut broken = gzip(b"{\"events\":[]}");
    broken.truncate(broken.len() - 6);
    Fixture::new().unchanged_by(|fixture| {
        for route in ROUTES.iter().filter(|route| route.reads_json()) {
            let caller = fixture.entitled(route);
            let send = |encoding: &str, body: &[u8]| {
                let caller = caller.with("content-encoding", encoding);
                caller.send(&route.method(), &route.path(fixture), Some(body))
            };
            send("gzip", &broken).refused(400, "INVALID_REQUEST");
            send("zstd", b"not zstd").refused(400, "INVALID_REQUEST");
            send("br", b"\xff\xff\xff\xff").refused(400, "INVALID_REQUEST");
            send("rot13", b"{}").refused(415, "UNSUPPORTED_MEDIA_TYPE");
            if route.body == Body::Json {
                let caller = caller.with("content-type", "text/xml");
                let answer = caller.send(&route.method(), &route.path(fixture), Some(b"{}"));
                answer.refused(415, "UNSUPPORTED_MEDIA_TYPE");
            }
        }
    });
}

#[test]
fn members_of_the_wrong_type_or_range_are_named() {
    let long = "x".repeat(10_000);
    Fixture::new().unchanged_by(|fixture| {
        let budget = format!("/v1/admin/projects/{}/budget", fixture.project.id);
        let project = format!("/v1/admin/projects/{}", fixture.project.id);
        let keys = format!("{project}/keys");
        let roll = format!("{keys}/{}/roll", fixture.key_id);
        let table = [
            ("/v1/user/consent", json!({"analytics": "yes"}), "analytics"),
            ("/v1/user/consent", json!({"analytics": null}), "analytics"),
            ("/v1/user/consent", json!({"marketing": 1}), "marketing"),
            ("/v1/user/consent", json!({"data_sharing": {"$gt": ""}}), "data_sharing"),
            ("/v1/user/consent", json!({"analytics": true, "telepathy": true}), "telepathy"),
            ("/v1/user/consent", json!({"analytics": true, "source": 7}), "source"),
            ("/v1/user/consent", json!({"analytics": true, "source": long}), "source"),
            (
                "/v1/user/consent",
                json!({"analytics": true, "policy_version": []}),
                "policy_version",
            ),
            ("/v1/user/earnings/claim", json!({"amount_priv": -1}), "amount_priv"),
            ("/v1/user/earnings/claim", json!({"amount_priv": "1"}), "amount_priv"),
            ("/v1/user/earnings/claim", json!({"amount_priv": true}), "amount_priv"),
            ("/v1/user/earnings/claim", json!({"amount_priv": 0.0000001}), "amount_priv"),
            ("/v1/user/earnings/claim", json!({"amount_priv": 1e30}), "amount_priv"),
            ("/v1/user/earnings/claim", json!({"amount_priv": [1]}), "amount_priv"),
            ("/v1/admin/mint", json!({"to": "treasury", "reason": "r"}), "amount_priv"),
            ("/v1/admin/mint", json!({"amount_priv": 1, "reason": "r"}), "to"),
            ("/v1/admin/mint", json!({"amount_priv": 1, "to": "", "reason": "r"}), "to"),
            ("/v1/admin/mint", json!({"amount_priv": 1, "to": long, "reason": "r"}), "to"),
            ("/v1/admin/mint", json!({"amount_priv": 1, "to": 5, "reason": "r"}), "to"),
            ("/v1/admin/mint", json!({"amount_priv": 1, "to": "treasury"}), "reason"),
            ("/v1/admin/mint", mint(json!(-5)), "amount_priv"),
            ("/v1/admin/mint", mint(json!(0)), "amount_priv"),
            ("/v1/admin/mint", mint(json!(1e30)), "amount_priv"),
            ("/v1/admin/mint", mint(json!(i64::MAX)), "amount_priv"),
            ("/v1/admin/mint", mint(json!(0.123_456_7)), "amount_priv"),
            (&budget, json!({}), "amount_priv"),
            (&budget, json!({"amount_priv": -1}), "amount_priv"),
            (&budget, json!({"amount_priv": 0}), "amount_priv"),
            (&budget, json!({"amount_priv": "all"}), "amount_priv"),
            ("/v1/admin/projects", json!({"plan": "free"}), "name"),
            ("/v1/admin/projects", json!({"name": "", "plan": "free"}), "name"),
            ("/v1/admin/projects", json!({"name": long, "plan": "free"}), "name"),
            ("/v1/admin/projects", json!({"name": 1, "plan": "free"}), "name"),
            ("/v1/admin/projects", json!({"name": "x", "plan": "gold"}), "plan"),
            (
                "/v1/admin/projects",
                json!({"name": "x", "plan": "free", "consent_policy": "no"}),
                "consent_policy",
            ),
            (&keys, json!({"kind": "skeleton"}), "kind"),
            (&roll, json!({"overlap_secs": -1}), "overlap_secs"),
            (&roll, json!({"overlap_secs": "1h"}), "overlap_secs"),
        ];
        for (path, body, member) in table {
            let operator = path.starts_with("/v1/admin");
            let caller =
                if operator { fixture.app.operator() } else { fixture.app.person(&fixture.user) };
            let answer = caller.post(path, &body);
            let error = answer.refused(400, "VALIDATION_ERROR");
            let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
            let named =
                details.iter().any(|d| d["path"].as_str().is_some_and(|p| p.contains(member)));
            assert!(named, "`{member}` of {body} is not named: {answer}");
            assert!(details.iter().all(|d| d["issue"].is_string()), "{answer}");
        }
        let answer = fixture.app.operator().patch(&project, &json!({"plan": "gold"}));
        answer.refused(400, "VALIDATION_ERROR");
        let answer = fixture.app.operator().post(&budget, &json!({"amount_priv": 1_000_000}));
        answer.refused(402, "INSUFFICIENT_BALANCE");
    });
}

#[test]
fn one_bad_event_never_fails_its_neighbours() {
    let fixture = Fixture::new();
    let key = fixture.app.key(&fixture.project.pk_live);
    let good = |n: usize| track(&fixture.user, &format!("good-{n}"));
    let changed = |member: &str, value: Value| with(track(&fixture.user, "bad"), member, value);
    let big = "x".repeat(33 * 1024);
    let bad = [
        json!(null),
        json!(42),
        json!("event"),
        json!([]),
        json!({}),
        changed("event_type", Value::Null),
        changed("event_type", json!("teleport")),
        changed("event_type", json!(1)),
        changed("event_name", json!("n".repeat(201))),
        changed("event_name", json!({"a": 1})),
        changed("user_id", Value::Null),
        changed("user_id", json!("")),
        changed("user_id", json!([1])),
        changed("user_id", json!("u".repeat(10_000))),
        changed("event_id", json!({"a": 1})),
        changed("event_id", json!("e".repeat(10_000))),
        changed("properties", json!("text")),
        changed("properties", json!([1])),
        changed("properties", json!({"big": big})),
        changed("timestamp", json!("yesterday")),
        changed("timestamp", json!({})),
        changed("consent_given", json!("maybe")),
        changed("page_url", json!(7)),
    ];
    for (n, event) in bad.iter().enumerate() {
        let answer = key.post("/v1/events", &json!({"events": [event, good(n)]}));
        let expected = Verdicts { accepted: 1, rejected: 1, ..Verdicts::default() };
        assert_eq!(Verdicts::of(&answer), expected, "{event}: {answer}");
        let told = &items(answer.ok())[0];
        assert_eq!((&told["index"], &told["result"]), (&json!(0), &json!("rejected")), "{answer}");
        assert!(told["code"].is_string() && told["message"].is_string(), "{answer}");
    }
    assert_eq!(Verdicts::of(&key.post("/v1/events", &json!({"events": []}))), Verdicts::default());
    fixture.unchanged_by(|_| {
        let many: Vec<_> = (0..2_501).map(good).collect();
        key.post("/v1/events", &json!({"events": many})).refused(413, "PAYLOAD_TOO_LARGE");
        for batch in [json!({"events": "all"}), json!({"events": {}}), json!({"batch": 1})] {
            let answer = key.post("/v1/events", &batch);
            assert_eq!(answer.status, 400, "{answer}");
            answer.error();
        }
    });
    fixture.app.assert_balanced();
}

/// A gzip stream of these bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn mint(amount: Value) -> Value {
    json!({"amount_priv": amount, "to": "treasury", "reason": "r"})
}
