//! Rate limits by plan, their headers, and what browsers are allowed.

use std::time::{Duration, Instant};

use serde_json::json;
use ureq::http::Method;

use super::app::TestApp;
use super::caller::{Answer, Caller};
use super::story::{analytics_path, track};
use super::tokens;

/// Calls to send within one second: more than two windows of the free plan allow.
#[track_caller]
fn burst(caller: &Caller, path: &str) -> Vec<Answer> {
    const SECOND: Duration = Duration::from_secs(1);
    for _ in 0..5 {
        let began = Instant::now();
        let answers: Vec<Answer> = (0..21).map(|_| caller.get(path)).collect();
        if began.elapsed() < SECOND {
            return answers;
        }
        // The machine was busy. The calls in the current window must not count.
        std::thread::sleep(SECOND);
    }
    panic!("the machine is too busy for 21 calls in a second");
}

#[track_caller]
fn assert_limited_after_ten(answers: &[Answer]) {
    for answer in &answers[..10] {
        assert_eq!(answer.status, 200, "{answer}");
    }
    let limited = answers[10..].iter().filter(|answer| answer.status == 429);
    let limited: Vec<&Answer> = limited.collect();
    assert!(!limited.is_empty(), "21 calls in a second passed a limit of 10");
    for answer in limited {
        answer.refused(429, "RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer}");
        assert_eq!(answer.header("x-ratelimit-limit"), Some("10"), "{answer}");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"), "{answer}");
    }
}

#[test]
fn the_free_plan_takes_ten_calls_a_second() {
    let app = TestApp::start_with(&[("PRIV_USER_PLAN", "free"), ("PRIV_ANONYMOUS_PLAN", "free")]);
    let project = app.project(json!({"plan": "free"}));
    assert_limited_after_ten(&burst(&app.key(&project.pk_live), &analytics_path()));
    // Another key of the same project, and another person, have counts of their own.
    assert_limited_after_ten(&burst(&app.key(&project.sk_live), &analytics_path()));
    let person = app.person(&tokens::new_person());
    assert_limited_after_ten(&burst(&person, "/v1/user/balance"));
    assert_limited_after_ten(&burst(&app.person(&tokens::new_person()), "/v1/user/balance"));
}

#[test]
fn anonymous_calls_are_counted_by_address() {
    let app = TestApp::start_with(&[("PRIV_ANONYMOUS_PLAN", "free")]);
    let answers = burst(&app.anonymous(), "/v1/user/balance");
    assert_eq!(answers[0].status, 401);
    assert!(answers.iter().any(|answer| answer.status == 429), "strangers are limited as well");
}

#[test]
fn the_three_headers_are_on_every_answer_and_count_down() {
    let app = TestApp::start();
    let project = app.project(json!({"plan": "free"}));
    let key = app.key(&project.pk_live);
    let now = tokens::now();
    let answers = [
        key.get(&analytics_path()),
        key.get("/v1/analytics"),
        key.get("/v1/nothing"),
        key.send(&Method::DELETE, "/v1/events", None),
        key.post_bytes("/v1/events", b"nonsense"),
        key.get("/v1/user/balance?user_id=x"),
        key.post("/v1/events", &track("u", "1")),
    ];
    for answer in &answers {
        let number = |name: &str| -> i64 {
            let text = answer.header(name).unwrap_or_else(|| panic!("no {name} on {answer}"));
            text.parse().unwrap_or_else(|_| panic!("{name} is not a whole number on {answer}"))
        };
        assert_eq!(number("x-ratelimit-limit"), 10, "{answer}");
        assert!((0..10).contains(&number("x-ratelimit-remaining")), "{answer}");
        assert!((now..=now + 5).contains(&number("x-ratelimit-reset")), "{answer}");
        assert!(answer.header("ratelimit").is_some(), "{answer}");
        assert!(answer.header("ratelimit-policy").is_some(), "{answer}");
        assert!(answer.header("x-request-id").is_some(), "{answer}");
    }
}

#[test]
fn public_routes_let_every_origin_in_and_name_the_authorization_header() {
    let app = TestApp::start();
    let project = app.project(json!({}));
    for path in ["/v1/events", "/v1/identify", "/v1/page", "/v1/analytics", "/v1/batch", "/e/"] {
        let answer = preflight(&app.anonymous(), path, "https://anyone.example");
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer}");
        let headers = answer.header("access-control-allow-headers").unwrap_or_default();
        assert!(
            headers.to_lowercase().contains("authorization"),
            "a * does not cover it: {answer}"
        );
        assert!(answer.header("access-control-max-age").is_some(), "{answer}");
    }
    let origin = app.key(&project.pk_live).with("origin", "https://anyone.example");
    for answer in
        [origin.post("/v1/events", &track("u", "1")), origin.post("/v1/events", &json!(1))]
    {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer}");
        let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
        for name in ["x-ratelimit-remaining", "x-request-id"] {
            assert!(exposed.to_lowercase().contains(name), "{name} is not exposed: {answer}");
        }
    }
    let stranger = app.anonymous().with("origin", "https://anyone.example");
    let refused = stranger.post("/v1/events", &track("u", "1"));
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "{refused}");
}

#[test]
fn routes_for_people_let_only_configured_origins_in() {
    let origins = "https://app.example,https://admin.example";
    let app = TestApp::start_with(&[("PRIV_ALLOWED_ORIGINS", origins)]);
    for path in ["/v1/user/balance", "/v1/user/earnings/claim", "/v1/admin/mint"] {
        let answer = preflight(&app.anonymous(), path, "https://app.example");
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{answer}");
        let vary = answer.headers_joined("vary").to_lowercase();
        assert!(vary.contains("origin"), "caches must tell origins apart: {answer}");
        for origin in ["https://anyone.example", "https://app.example.evil", "null"] {
            let answer = preflight(&app.anonymous(), path, origin);
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}: {answer}");
        }
    }
    let person = app.person(&tokens::new_person());
    let answer = person.with("origin", "https://admin.example").get("/v1/user/balance");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://admin.example"));
    let answer = person.with("origin", "https://anyone.example").get("/v1/user/balance");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn a_preflight_costs_nothing() {
    let app = TestApp::start_with(&[("PRIV_ANONYMOUS_PLAN", "free")]);
    for _ in 0..50 {
        let answer = preflight(&app.anonymous(), "/v1/events", "https://anyone.example");
        assert!(matches!(answer.status, 200 | 204), "{answer}");
    }
    app.anonymous().get("/v1/user/balance").refused(401, "INVALID_API_KEY");
}

fn preflight(caller: &Caller, path: &str, origin: &str) -> Answer {
    caller
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "authorization,content-type")
        .send(&Method::OPTIONS, path, None)
}
