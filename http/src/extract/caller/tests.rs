//! Sends every kind of caller to every kind of route.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use actix_web::{App, HttpResponse, web};
use priv_domain::Timestamp;
use priv_domain::project::Scopes;
use serde_json::{Value, json};

use super::*;
use crate::auth::testing::{KnownKeys, START_SECS, claims_with, hs256, key};
use crate::auth::{Authenticator, OperatorToken, TokenRules, TokenVerifier};
use crate::middleware::{Edge, EdgeConfig, Groups};
use crate::rate_limit::{Limits, RateLimiter};
use crate::wire::envelope::ok;

const SECRET: &[u8] = b"a-legacy-secret-of-at-least-32-bytes";

fn edge() -> Edge {
    let unlimited = |role| KeyInfo { limits: Limits::NONE, ..key(role) };
    let keys = KnownKeys::default()
        .with("pk_live_good", unlimited(KeyRole::Publishable))
        .with(
            "pk_test_good",
            KeyInfo { environment: Environment::Test, ..unlimited(KeyRole::Publishable) },
        )
        .with(
            "pk_live_closed",
            KeyInfo { serves_analytics: false, ..unlimited(KeyRole::Publishable) },
        )
        .with("pk_live_revoked", KeyInfo { revoked: true, ..unlimited(KeyRole::Publishable) })
        .with("sk_live_none", unlimited(KeyRole::Secret))
        .with("sk_live_all", KeyInfo { scopes: Scopes::ALL, ..unlimited(KeyRole::Secret) })
        .with(
            "sk_live_read",
            KeyInfo { scopes: Scopes::from_iter([Scope::UsersRead]), ..unlimited(KeyRole::Secret) },
        );
    let tokens = TokenVerifier::new(Some(SECRET), None, TokenRules::default());
    let operator = OperatorToken::new("operator-secret");
    let authenticator = Authenticator::new(Arc::new(keys), Some(tokens), Some(operator));
    let config = EdgeConfig {
        anonymous_limits: Limits::NONE,
        person_limits: Limits::NONE,
        ..EdgeConfig::default()
    };
    let clock = Arc::new(|| Timestamp::from_millis(START_SECS * 1_000));
    Edge::new(config, Groups::default(), authenticator, Arc::new(RateLimiter::default()), clock)
}

fn named<A>(caller: &UserCaller<A>, body: Option<&UserNaming>) -> Result<HttpResponse, ApiError> {
    let user = match caller.user(body)? {
        NamedUser::User(user) => user.to_string(),
        NamedUser::Wallet(address) => address.to_string(),
    };
    Ok(ok(&json!({"who": user, "environment": caller.environment.as_str()})))
}

fn routes(app: &mut web::ServiceConfig) {
    let get = || web::get();
    app.route(
        "/person",
        get().to(async |caller: PersonCaller| {
            ok(&json!({"who": caller.user().to_string(), "environment": caller.environment.as_str()}))
        }),
    )
    .route("/operator", get().to(async |caller: OperatorCaller| ok(&json!({"who": *caller.who}))))
    .route("/any", get().to(async |caller: AnyCaller| ok(&json!({"environment": caller.environment.as_str()}))))
    .route(
        "/analytics",
        get().to(async |key: ScopedKey<AnalyticsRead>| {
            ok(&json!({"environment": key.key.environment.as_str()}))
        }),
    )
    .route("/read", get().to(async |caller: UserCaller<Read>| named(&caller, None)))
    .route(
        "/write",
        get().to(async |caller: UserCaller<Write>| {
            let body = UserNaming { anonymous_id: Some("v1".into()), ..UserNaming::default() };
            named(&caller, Some(&body))
        }),
    )
    .route(
        "/server",
        get().to(async |caller: ServerCaller<Write>| {
            caller.user(None).map(|_| ok(&json!({"environment": caller.environment().as_str()})))
        }),
    )
    .route(
        "/ingest",
        get().to(async |key: IngestKey, body: web::Query<BodyKey>| {
            key.resolve(body.write_key.as_deref())
                .map(|key| ok(&json!({"environment": key.environment.as_str()})))
        }),
    );
}

/// A body that names a key.
#[derive(serde::Deserialize)]
struct BodyKey {
    write_key: Option<String>,
}

async fn call(path: &str, credential: &str, environment: &str) -> String {
    let app = init_service(App::new().configure(routes).wrap(edge())).await;
    let mut request = TestRequest::get().uri(path);
    if !credential.is_empty() {
        request = request.insert_header(("authorization", credential));
    }
    if !environment.is_empty() {
        request = request.insert_header(("x-priv-environment", environment));
    }
    let response = call_service(&app, request.to_request()).await;
    let (status, headers): (StatusCode, HeaderMap) =
        (response.status(), response.headers().clone());
    let body: Value = read_body_json(response).await;
    assert!(headers.contains_key("x-request-id") && headers.contains_key("x-ratelimit-limit"));
    if status.is_success() {
        let member = |name: &str| body["data"][name].as_str().map(str::to_owned);
        return [member("who"), member("environment")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
    }
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    assert_eq!(body["error"]["request_id"].as_str(), request_id);
    body["error"]["code"].as_str().expect("a code").to_owned()
}

#[actix_web::test]
async fn every_caller_at_every_door() {
    let bearer = |claims: Value| format!("Bearer {}", hs256(SECRET, &claims_with(claims)));
    let person = bearer(json!({"sub": "ann"}));
    let boss = bearer(json!({"sub": "bob", "app_metadata": {"role": "operator"}}));
    let expired = bearer(json!({"exp": START_SECS - 100}));
    let forged = format!("{person}x");
    let (key, user, no, arg) = ("INVALID_API_KEY", "UNAUTHORIZED", "FORBIDDEN", "VALIDATION_ERROR");
    #[rustfmt::skip]
    let table = [
        // credential                 person      operator          any     analytics read        write                     ingest
        ("",                          [user,      user,             "live", key,      key,        key,                      key]),
        ("Bearer pk_live_good",       [user,      user,             "live", "live",   no,         no,                       "live"]),
        ("bearer pk_test_good",       [user,      user,             "test", "test",   no,         no,                       "test"]),
        ("Bearer pk_live_closed",     [user,      user,             "live", no,       no,         no,                       "live"]),
        ("Bearer pk_live_revoked",    [user,      user,             key,    key,      key,        key,                      key]),
        ("Bearer pk_live_unknown",    [user,      user,             key,    key,      key,        key,                      key]),
        ("Basic cGtfbGl2ZV9nb29kOg==", [user,     user,             "live", "live",   no,         no,                       "live"]),
        ("Bearer sk_live_none",       [user,      user,             "live", no,       no,         no,                       no]),
        ("Bearer sk_live_read",       [user,      user,             "live", no,       arg,        no,                       no]),
        ("Bearer sk_live_all",        [user,      user,             "live", "live",   arg,        "proj_00000000000000000000000007/a/v1 live", "live"]),
        ("Bearer gibberish",          [user,      user,             key,    key,      key,        key,                      key]),
        ("Digest gibberish",          [user,      user,             key,    key,      key,        key,                      key]),
        ("Bearer operator-secret",    [user,      "operator-token", "live", key,      user,       user,                     key]),
        (&person,                     ["ann live", no,              "live", key,      "ann live", "ann live",               key]),
        (&boss,                       ["bob live", "bob",           "live", key,      "bob live", "bob live",               key]),
        (&expired,                    [user,      user,             user,   user,     user,       user,                     user]),
        (&forged,                     [user,      user,             user,   user,     user,       user,                     user]),
    ];
    let doors = ["/person", "/operator", "/any", "/analytics", "/read", "/write", "/ingest"];
    for (credential, expected) in table {
        for (door, expected) in doors.into_iter().zip(expected) {
            assert_eq!(call(door, credential, "").await, expected, "{door} {credential}");
        }
    }
}

#[actix_web::test]
async fn a_person_chooses_the_environment_and_a_key_does_not() {
    let person = format!("Bearer {}", hs256(SECRET, &claims_with(json!({"sub": "ann"}))));
    let table = [
        ("/person", person.as_str(), "test", "ann test"),
        ("/person", &person, "live", "ann live"),
        ("/person", &person, "prod", "VALIDATION_ERROR"),
        ("/any", "", "test", "test"),
        ("/any", "", "Test", "VALIDATION_ERROR"),
        ("/any", "Bearer pk_live_good", "test", "live"),
        ("/analytics", "Bearer pk_test_good", "live", "test"),
    ];
    for (door, credential, environment, expected) in table {
        assert_eq!(call(door, credential, environment).await, expected, "{door} {environment}");
    }
}

/// The codes with which a caller's type says that it refuses.
fn declared<A: Argument>() -> BTreeSet<&'static str> {
    let mut draft = Draft::of(Value::Null);
    A::describe(&mut draft);
    draft.failures.into_iter().map(ErrorCode::as_str).collect()
}

#[actix_web::test]
async fn a_type_of_caller_refuses_with_the_codes_that_it_says_and_no_others() {
    let bearer = |claims: Value| format!("Bearer {}", hs256(SECRET, &claims_with(claims)));
    let (person, expired) =
        (bearer(json!({"sub": "ann"})), bearer(json!({"exp": START_SECS - 100})));
    let keys = ["pk_live_good", "pk_live_closed", "pk_live_unknown", "sk_live_none", "sk_live_all"];
    let keys = keys.map(|key| format!("Bearer {key}"));
    let credentials = [String::new(), person, expired].into_iter().chain(keys);
    let calls: Vec<_> = credentials.flat_map(|one| [(one.clone(), ""), (one, "prod")]).collect();
    let doors = [
        ("/person", declared::<PersonCaller>()),
        ("/operator", declared::<OperatorCaller>()),
        ("/any", declared::<AnyCaller>()),
        ("/analytics", declared::<ScopedKey<AnalyticsRead>>()),
        ("/read", declared::<UserCaller<Read>>()),
        ("/write", declared::<UserCaller<Write>>()),
        ("/server", declared::<ServerCaller<Write>>()),
        ("/ingest", declared::<IngestKey>()),
    ];
    for (door, mut declared) in doors {
        // Whether the user is within reach is checked later, by the handler.
        declared.remove("NOT_FOUND");
        let mut seen = BTreeSet::new();
        for (credential, environment) in &calls {
            let answer = call(door, credential, environment).await;
            seen.extend(ErrorCode::from_name(&answer).map(ErrorCode::as_str));
        }
        assert_eq!(seen, declared, "{door}");
    }
}

#[actix_web::test]
async fn a_secret_key_names_its_user_in_the_query() {
    let table = [
        ("/read?user_id=42", "proj_00000000000000000000000007/u/42 live"),
        ("/write?user_id=42", "proj_00000000000000000000000007/u/42 live"),
        (
            "/read?user_id=6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d",
            "6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d live",
        ),
        ("/read?user_id=42&anonymous_id=v1", "VALIDATION_ERROR"),
        (
            "/read?wallet_address=0xde709f2102306220921060314715629080e2fb77",
            "0xde709f2102306220921060314715629080e2fb77 live",
        ),
    ];
    for (path, expected) in table {
        assert_eq!(call(path, "Bearer sk_live_all", "").await, expected, "{path}");
    }
}

#[actix_web::test]
async fn the_key_of_an_ingest_route_may_be_inside() {
    let table = [
        ("/ingest?write_key=pk_live_good", "", "live"),
        ("/ingest?write_key=pk_live_bad", "", "INVALID_API_KEY"),
        ("/ingest?write_key=sk_live_none", "", "FORBIDDEN"),
        ("/ingest?write_key=pk_live_good", "Bearer pk_live_bad", "INVALID_API_KEY"),
        ("/ingest?write_key=pk_live_bad", "Bearer pk_test_good", "test"),
    ];
    for (path, credential, expected) in table {
        assert_eq!(call(path, credential, "").await, expected, "{path} {credential}");
    }
}
