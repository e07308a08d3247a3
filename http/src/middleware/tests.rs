//! Tests the edge around an application, as a client sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body, read_body_json};
use actix_web::{App, HttpRequest, HttpResponse, web};
use parking_lot::Mutex;
use priv_domain::Timestamp;
use priv_domain::id::KeyId;
use priv_domain::project::KeyRole;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::auth::testing::{KnownKeys, START_SECS, claims_with, hs256, key};
use crate::auth::{Authenticator, KeyInfo, TokenRules, TokenVerifier};
use crate::error::ApiError;
use crate::extract::body::BodyLimits;
use crate::extract::caller::IngestKey;
use crate::extract::json::JsonBody;
use crate::extract::query::QueryParams;
use crate::handlers::error_pages::show_error_page;
use crate::rate_limit::{Limits, RateLimiter};
use crate::route::mount::no_such_route;
use crate::router::groups;
use crate::wire::envelope::ok;
use crate::wire::integer::Count;
use crate::wire::member::body;
use crate::wire::param::{Required, query};

const SECRET: &[u8] = b"a-legacy-secret-of-at-least-32-bytes";
const APP: &str = "https://app.example.com";

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    fn set_secs(&self, secs: i64) {
        self.0.store(secs * 1_000, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Arc::new(move || Timestamp::from_millis(START_SECS * 1_000 + millis.load(Ordering::SeqCst)))
    }
}

fn keys() -> KnownKeys {
    let slow = Limits { per_second: Some(2), per_day: Some(5) };
    KnownKeys::default()
        .with("pk_live_good", KeyInfo { limits: slow, ..key(KeyRole::Publishable) })
        .with("pk_live_other", KeyInfo { id: KeyId::new(2), ..key(KeyRole::Publishable) })
}

fn edge_at(clock: Clock) -> Edge {
    let tokens = TokenVerifier::new(Some(SECRET), None, TokenRules::default());
    let authenticator = Authenticator::new(Arc::new(keys()), Some(tokens), None);
    let config = EdgeConfig {
        allowed_origins: AllowedOrigins::parse([APP]).expect("an origin"),
        ..EdgeConfig::default()
    };
    Edge::new(config, groups(), authenticator, Arc::new(RateLimiter::default()), clock)
}

body! {
    pub(crate) struct Order {
        amount: Count,
    }
}

query! {
    pub(crate) struct Paging {
        limit: Required<Count>,
    }
}

/// A body as the framework's own extractors read it.
#[derive(Debug, Deserialize)]
struct Plain {
    #[expect(dead_code, reason = "only whether it can be read matters here")]
    limit: u32,
}

async fn ingest(
    key: IngestKey,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let limits = BodyLimits { wire_bytes: 200, decoded_bytes: 200, ..BodyLimits::EVENTS };
    let body = crate::extract::body::read_body(&request, payload.into_inner(), limits).await?;
    let body: Value = crate::wire::json::parse_json(&body)?;
    key.resolve(body["writeKey"].as_str())?;
    Ok(ok(&json!({"accepted": 1})))
}

async fn only_get_and_post() -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed("GET, POST".to_owned()))
}

async fn panics() -> HttpResponse {
    panic!("on purpose")
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/v1/things/{id}")
            .route(web::get().to(async |id: web::Path<u32>| ok(&json!({"id": *id}))))
            .route(
                web::post()
                    .to(async |body: JsonBody<Order>| ok(&json!({"of": body.value.amount.0}))),
            )
            .default_service(web::to(only_get_and_post)),
    )
    .service(web::resource("/v1/list").route(
        web::get().to(async |QueryParams(paging): QueryParams<Paging>| ok(&paging.limit.0.0)),
    ))
    .service(web::resource("/v1/plain").route(web::get().to(async |_: web::Query<Plain>| ok(&1))))
    .service(web::resource("/v1/json").route(web::post().to(async |_: web::Json<Plain>| ok(&1))))
    .service(web::resource("/v1/events").route(web::post().to(ingest)))
    .service(web::resource("/v1/analytics").route(web::get().to(async || ok(&1))))
    .service(
        web::resource("/v1/busy")
            .route(web::get().to(async || Err::<HttpResponse, _>(ApiError::overloaded(3)))),
    )
    .service(
        web::resource("/v1/bare")
            .route(web::get().to(async || HttpResponse::new(StatusCode::RANGE_NOT_SATISFIABLE))),
    )
    .service(
        web::resource("/v1/broken").route(
            web::get().to(async || {
                Err::<HttpResponse, _>(std::io::Error::other("disk /dev/sda1 is full"))
            }),
        ),
    )
    .service(web::resource("/v1/panics").route(web::get().to(panics)))
    .service(web::resource("/health").route(web::get().to(async || ok(&"alive"))))
    .service(web::resource("/docs/errors/{code}").route(web::get().to(show_error_page)))
    .default_service(web::to(no_such_route));
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("OK")
    }
}

macro_rules! app {
    ($clock:expr) => {
        init_service(App::new().configure(routes).wrap(edge_at($clock.clock()))).await
    };
}

macro_rules! send {
    ($app:expr, $request:expr) => {{
        let response = call_service(&$app, $request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_body(response).await;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status, headers, body }
    }};
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

#[actix_web::test]
async fn whatever_goes_wrong_answers_in_the_envelope() {
    let clock = ManualClock::default();
    let app = app!(clock);
    let post = |path: &str, content_type: &str, body: &str| {
        TestRequest::post()
            .uri(path)
            .insert_header(("content-type", content_type.to_owned()))
            .set_payload(body.to_owned())
    };
    let json_type = "application/json";
    let large = " ".repeat((1 << 20) + 1);
    let table = [
        (get("/v1/nowhere"), 404, "NOT_FOUND", ""),
        (get("/"), 404, "NOT_FOUND", ""),
        (get("/v1/things/%ff%00"), 404, "NOT_FOUND", ""),
        (get("/v1/things/x"), 404, "NOT_FOUND", ""),
        (TestRequest::delete().uri("/v1/things/1"), 405, "METHOD_NOT_ALLOWED", ""),
        (TestRequest::post().uri("/v1/list"), 405, "METHOD_NOT_ALLOWED", ""),
        (get("/v1/list"), 400, "VALIDATION_ERROR", "limit"),
        (get("/v1/list?limit=x"), 400, "VALIDATION_ERROR", "limit"),
        (get("/v1/plain?limit=x"), 400, "VALIDATION_ERROR", "query"),
        (post("/v1/things/1", json_type, ""), 400, "INVALID_REQUEST", ""),
        (post("/v1/things/1", json_type, "{"), 400, "INVALID_REQUEST", ""),
        (post("/v1/things/1", json_type, r#"{"amount":"1"}"#), 400, "VALIDATION_ERROR", "amount"),
        (post("/v1/things/1", json_type, "{}"), 400, "VALIDATION_ERROR", "amount"),
        (post("/v1/things/1", json_type, &large), 413, "PAYLOAD_TOO_LARGE", ""),
        (post("/v1/things/1", "text/plain", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE", ""),
        (post("/v1/json", json_type, "{"), 400, "INVALID_REQUEST", ""),
        (post("/v1/json", "text/plain", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE", ""),
        (get("/v1/busy"), 503, "OVERLOADED", ""),
        (get("/v1/bare"), 416, "INVALID_REQUEST", ""),
        (get("/v1/broken"), 500, "SERVER_ERROR", ""),
    ];
    for (i, (request, status, code, path)) in table.into_iter().enumerate() {
        clock.set_secs(i64::try_from(i).expect("a few"));
        let answer = send!(app, request.insert_header(("host", "api.example.com:8080")));
        let error = &answer.body["error"];
        assert_eq!((answer.status, answer.code()), (status, code), "{i} {error}");
        assert_eq!(answer.body["success"], false);
        assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"), "{i}");
        let page = format!("http://api.example.com:8080/docs/errors/{code}");
        assert_eq!(error["doc_url"], page, "{i}");
        assert_eq!(error["details"][0]["path"].as_str().unwrap_or(""), path, "{i} {error}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{i}");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("9"), "{i}");
        assert!(!answer.body.to_string().contains("sda1"), "causes stay inside");
    }
}

#[actix_web::test]
async fn wrong_methods_are_told_the_right_ones_and_head_is_a_get_without_a_body() {
    let app = app!(ManualClock::default());
    let refused = send!(app, TestRequest::delete().uri("/v1/things/1"));
    assert_eq!(refused.header("allow"), Some("GET, POST"));
    let head = send!(app, TestRequest::default().method(Method::HEAD).uri("/v1/things/1"));
    assert_eq!(head.status, 200);
}

#[actix_web::test]
async fn waiting_is_announced_in_whole_seconds() {
    let app = app!(ManualClock::default());
    assert_eq!(send!(app, get("/v1/busy")).header("retry-after"), Some("3"));
}

#[actix_web::test]
async fn doc_url_leads_to_the_page_of_the_code() {
    let app = app!(ManualClock::default());
    let error = send!(app, get("/v1/nowhere").insert_header(("host", "h")));
    let url = error.body["error"]["doc_url"].as_str().expect("a link").to_owned();
    let page = call_service(&app, get(url.strip_prefix("http://h").expect("here")).to_request());
    let page = page.await;
    let content_type = page.headers().get("content-type").map(|value| value.as_bytes());
    assert_eq!(content_type, Some(&b"text/markdown; charset=utf-8"[..]));
    assert!(read_body(page).await.starts_with(b"# NOT_FOUND"));
    assert_eq!(send!(app, get("/docs/errors/NOTHING")).code(), "NOT_FOUND");
    let odd = send!(app, get("/v1/nowhere").insert_header(("host", "a\"b/c")));
    assert_eq!(odd.body["error"]["doc_url"], "/docs/errors/NOT_FOUND");
}

#[actix_web::test]
async fn request_ids_are_echoed_if_they_are_fit() {
    let app = app!(ManualClock::default());
    let echoed = send!(app, get("/v1/list?limit=1").insert_header(("x-request-id", "my-id.1")));
    assert_eq!(echoed.header("x-request-id"), Some("my-id.1"));
    let made = send!(app, get("/v1/list?limit=1").insert_header(("x-request-id", "<my id>")));
    assert_eq!(made.header("x-request-id").map(str::len), Some(26));
}

#[actix_web::test]
async fn a_key_has_its_own_limits_across_seconds_and_days() {
    let clock = ManualClock::default();
    let app = app!(clock);
    let day = 86_400;
    // second, status, limit, remaining, retry-after
    let table = [
        (0, 200, "2", "1", None),
        (0, 200, "2", "0", None),
        (0, 429, "2", "0", Some("1")),
        (1, 200, "2", "1", None),
        (1, 200, "2", "0", None),
        (2, 200, "5", "0", None),
        (3, 429, "5", "0", Some("86397")),
        (day - 1, 429, "5", "0", Some("1")),
        (day, 200, "2", "1", None),
    ];
    for (i, (second, status, limit, remaining, wait)) in table.into_iter().enumerate() {
        clock.set_secs(second);
        let request = get("/v1/things/1").insert_header(("authorization", "Bearer pk_live_good"));
        let answer = send!(app, request);
        assert_eq!(answer.status, status, "{i}");
        assert_eq!(answer.header("x-ratelimit-limit"), Some(limit), "{i}");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining), "{i}");
        assert_eq!(answer.header("retry-after"), wait, "{i}");
        if status == 429 {
            assert_eq!(answer.code(), "RATE_LIMITED");
        }
        let reset: i64 = answer.header("x-ratelimit-reset").expect("it").parse().expect("number");
        let end = if limit == "2" { second + 1 } else { day };
        assert_eq!(reset, START_SECS + end, "{i}");
    }
}

#[actix_web::test]
async fn people_and_addresses_are_counted_apart() {
    let app = app!(ManualClock::default());
    let person = |sub: &str| format!("Bearer {}", hs256(SECRET, &claims_with(json!({"sub": sub}))));
    let (ann, bob) = (person("ann"), person("bob"));
    let peer = |address: &str| address.parse().expect("an address");
    for remaining in (0..10).rev() {
        let requests = [
            get("/v1/list?limit=1").insert_header(("authorization", ann.clone())),
            get("/v1/list?limit=1").insert_header(("authorization", bob.clone())),
            get("/v1/list?limit=1")
                .insert_header(("authorization", ann.clone()))
                .insert_header(("x-priv-environment", "test")),
            get("/v1/list?limit=1").peer_addr(peer("1.1.1.1:1")),
            get("/v1/list?limit=1").peer_addr(peer("[2001:db8::1]:1")),
            get("/v1/list?limit=1").insert_header(("x-forwarded-for", "6.6.6.6")),
        ];
        for request in requests {
            let answer = send!(app, request);
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("x-ratelimit-remaining"), Some(&*remaining.to_string()));
        }
    }
    let neighbour = get("/v1/list?limit=1").peer_addr(peer("[2001:db8::ffff]:1"));
    assert_eq!(send!(app, neighbour).code(), "RATE_LIMITED");
    let forwarded = get("/v1/list?limit=1").insert_header(("x-forwarded-for", "7.7.7.7"));
    assert_eq!(send!(app, forwarded).code(), "RATE_LIMITED", "the header is not believed");
}

fn events(path: &str, body: &str) -> TestRequest {
    TestRequest::post().uri(path).set_payload(body.to_owned())
}

#[actix_web::test]
async fn a_key_in_the_body_or_the_query_is_charged_and_not_the_address() {
    let app = app!(ManualClock::default());
    let in_body = || events("/v1/events", r#"{"writeKey":"pk_live_other"}"#);
    let in_query = || events("/v1/events?key=pk_live_other", "{}");
    for remaining in [8, 6, 4, 2, 0] {
        assert_eq!(send!(app, in_body()).status, 200);
        let answer = send!(app, in_query());
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(&*remaining.to_string()));
    }
    for request in [in_body(), in_query()] {
        let refused = send!(app, request);
        assert_eq!((refused.code(), refused.header("retry-after")), ("RATE_LIMITED", Some("1")));
    }
    let anonymous = send!(app, get("/v1/things/1"));
    assert_eq!(anonymous.header("x-ratelimit-remaining"), Some("9"), "the address is untouched");
}

#[actix_web::test]
async fn a_body_without_a_good_key_is_charged_to_the_address() {
    let bad = [
        ("{}", "INVALID_API_KEY"),
        (r#"{"writeKey":"pk_live_bad"}"#, "INVALID_API_KEY"),
        ("{", "INVALID_REQUEST"),
    ];
    for (body, code) in bad {
        let app = app!(ManualClock::default());
        for _ in 0..10 {
            assert_eq!(send!(app, events("/v1/events", body)).code(), code);
        }
        let refused = send!(app, events("/v1/events", body));
        assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"), "{body}");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(send!(app, get("/v1/things/1")).code(), "RATE_LIMITED");
    }
}

#[actix_web::test]
async fn probes_are_never_limited() {
    let app = app!(ManualClock::default());
    for _ in 0..50 {
        let answer = send!(app, get("/health"));
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, Some("10")));
    }
}

fn preflight(path: &str, origin: &str) -> TestRequest {
    TestRequest::default()
        .method(Method::OPTIONS)
        .uri(path)
        .insert_header(("origin", origin.to_owned()))
        .insert_header(("access-control-request-method", "POST"))
        .insert_header(("access-control-request-headers", "authorization, x-custom, b@d"))
}

#[actix_web::test]
async fn cors_by_group_and_origin() {
    let app = app!(ManualClock::default());
    // path, origin, what Allow-Origin says, whether credentials are allowed
    let table = [
        ("/v1/events", "https://any.example", Some("*"), false),
        ("/api/v1/events", "null", Some("*"), false),
        ("/v1/analytics", APP, Some("*"), false),
        ("/batch/", "https://any.example", Some("*"), false),
        ("/v1/list?limit=1", APP, Some(APP), true),
        ("/v1/list?limit=1", "https://any.example", None, false),
        ("/v1/list?limit=1", "https://app.example.com.evil", None, false),
        ("/v1/list?limit=1", "null", None, false),
    ];
    for (path, origin, allowed, with_credentials) in table {
        let plain = send!(app, get(path).insert_header(("origin", origin)));
        let asked = send!(app, preflight(path, origin));
        assert_eq!(asked.status, if allowed.is_some() { 204 } else { 403 }, "{path} {origin}");
        for answer in [&plain, &asked] {
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{path} {origin}");
            let credentials = answer.header("access-control-allow-credentials");
            assert_eq!(credentials.is_some(), with_credentials, "{path} {origin}");
            let varies = answer.headers.get_all("vary").any(|value| value == "Origin");
            assert_eq!(varies, allowed != Some("*"), "{path} {origin}");
            if allowed.is_some() {
                let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
                for name in ["X-Request-Id", "X-RateLimit-Remaining", "RateLimit", "Retry-After"] {
                    assert!(exposed.split(", ").any(|there| there == name), "{name}");
                }
            }
        }
        if allowed.is_some() {
            let headers = asked.header("access-control-allow-headers").unwrap_or_default();
            assert!(headers.starts_with("Authorization, ") && headers.ends_with(", x-custom"));
            assert!(asked.header("access-control-max-age").is_some());
        }
    }
}

#[actix_web::test]
async fn a_preflight_costs_nothing() {
    let app = app!(ManualClock::default());
    for _ in 0..50 {
        assert_eq!(send!(app, preflight("/v1/events", APP)).status, 204);
        assert_eq!(send!(app, preflight("/v1/list", APP)).status, 204);
    }
    let answer = send!(app, get("/v1/things/1"));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("9"));
}

#[actix_web::test]
async fn a_panic_and_a_head_over_a_real_connection() {
    let edge = edge_at(ManualClock::default().clock());
    let server =
        actix_web::HttpServer::new(move || App::new().configure(routes).wrap(edge.clone()))
            .workers(1)
            .bind("127.0.0.1:0")
            .expect("a port");
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    let client = move || {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        for _ in 0..3 {
            let url = format!("http://{address}/v1/panics");
            let mut answer = agent.get(url).call().expect("the connection holds");
            assert_eq!(answer.status(), 500);
            assert!(answer.headers().contains_key("x-ratelimit-limit"));
            let body: Value =
                answer.body_mut().read_to_string().expect("a body").parse().expect("JSON");
            assert_eq!(body["error"]["code"], "SERVER_ERROR");
            assert_eq!(
                body["error"]["request_id"],
                answer.headers()["x-request-id"].to_str().expect("ASCII")
            );
            assert_eq!(
                body["error"]["doc_url"],
                format!("http://{address}/docs/errors/SERVER_ERROR")
            );
        }
        let url = format!("http://{address}/v1/things/1");
        let too_large = agent.post(&url).content_type("application/json").send(vec![b' '; 8 << 20]);
        assert_eq!(too_large.expect("the answer comes through").status(), 413);
        let mut head = agent.head(&url).call().expect("the connection holds");
        assert_eq!(
            (head.status().as_u16(), head.body_mut().read_to_vec().ok()),
            (200, Some(vec![]))
        );
        let body = agent.get(&url).call().expect("it holds still").body_mut().read_to_string();
        assert_eq!(body.ok().as_deref(), Some(r#"{"success":true,"data":{"id":1}}"#));
    };
    actix_web::rt::task::spawn_blocking(client).await.expect("the client's checks hold");
    handle.stop(false).await;
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn a_request_is_one_line_that_names_no_one() {
    let lines = Lines::default();
    let writer = lines.clone();
    // The request that each line is written in.
    let ids = Arc::<Mutex<Vec<Option<String>>>>::default();
    let written_in = ids.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || {
            written_in.lock().push(with_request_id(|id| id.map(str::to_owned)));
            writer.clone()
        })
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let app = app!(ManualClock::default());
    let person =
        format!("Bearer {}", hs256(SECRET, &claims_with(json!({"sub": "ann@example.com"}))));
    let sent = |request: TestRequest, credential: &str| {
        request
            .insert_header(("authorization", credential.to_owned()))
            .insert_header(("x-request-id", "req-7"))
            .peer_addr("203.0.113.9:4711".parse().expect("an address"))
    };
    send!(app, sent(get("/v1/things/42?q=secret"), &person));
    send!(app, sent(get("/v1/nowhere/42"), "Bearer pk_live_other"));
    send!(app, sent(get("/v1/broken"), "Bearer pk_live_bad"));
    let text = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
    let parsed: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let access: Vec<_> = parsed
        .iter()
        .filter(|line| line["target"] == "priv_http::access")
        .map(|line| {
            let field = |name: &str| line["fields"][name].to_string().replace('"', "");
            assert!(line["fields"]["micros"].is_u64());
            ["method", "route", "status", "request_id", "caller", "project"].map(field).join(" ")
        })
        .collect();
    assert_eq!(
        access,
        [
            "GET /v1/things/{id} 200 req-7 person null",
            "GET - 404 req-7 key proj_00000000000000000000000007",
            "GET /v1/broken 500 req-7 refused null",
        ]
    );
    for hidden in ["ann@", "secret", "pk_live", "eyJ", "203.0.113.9", "things/42", "nowhere"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let failure = parsed.iter().position(|line| line["level"] == "ERROR").expect("it was logged");
    assert_eq!(ids.lock()[failure].as_deref(), Some("req-7"));
    assert_eq!(with_request_id(|id| id.map(str::to_owned)), None, "none is under way");
    assert_eq!(parsed.len(), 4, "each request once, and the failure once");
}

#[actix_web::test]
async fn without_an_edge_extractors_fail_closed() {
    let app = init_service(App::new().configure(routes)).await;
    let response = call_service(&app, events("/v1/events", "{}").to_request()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body: Value = read_body_json(response).await;
    assert_eq!(body["error"]["code"], "SERVER_ERROR");
}
