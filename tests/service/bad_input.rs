//! Every route, called by callers or with values that it must refuse, gives the documented refusal
//! and changes nothing.

use serde_json::{Value, json};
use ureq::http::Method;

use super::caller::{Answer, Caller};
use super::forged::forged_tokens;
use super::routes::{Body, Fixture, Needs, ROUTES, Route};
use super::story::encoded;
use super::tokens::{self, claims, signed, with};

#[test]
fn other_methods_are_refused_on_every_route() {
    Fixture::new().unchanged_by(|fixture| {
        for route in ROUTES {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if !route.also_takes(&method) {
                    let answer = fixture.entitled(route).send(&method, &route.path(fixture), None);
                    answer.refused(405, "METHOD_NOT_ALLOWED");
                    let allowed = answer.header("allow").unwrap_or_default();
                    assert!(allowed.contains(route.method().as_str()), "Allow of {answer}");
                }
            }
        }
    });
}

#[test]
fn a_call_without_a_credential_is_refused_on_every_route() {
    Fixture::new().unchanged_by(|fixture| {
        for route in ROUTES {
            let answer = send_plausible(route, fixture, &fixture.app.anonymous());
            match route.needs {
                Needs::Nobody => assert_eq!(answer.status, 200, "{answer}"),
                Needs::Link => {
                    answer.refused(403, "FORBIDDEN");
                }
                Needs::Key | Needs::PersonOrSecretKey | Needs::SecretKey => {
                    answer.refused(401, "INVALID_API_KEY");
                }
                Needs::Person | Needs::Operator => {
                    answer.refused(401, "UNAUTHORIZED");
                }
            }
        }
    });
}

#[test]
fn a_key_that_does_not_exist_is_refused_on_every_route() {
    let unknown =
        ["pk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sk_live_", "sk_test_0", "pk_live_!"];
    Fixture::new().unchanged_by(|fixture| {
        let unlike = fixture.project.sk_live.replace("sk_live_", "sk_test_");
        let longer = format!("{}0", fixture.project.sk_live);
        for route in
            ROUTES.iter().filter(|route| !matches!(route.needs, Needs::Nobody | Needs::Link))
        {
            for key in unknown.into_iter().chain([unlike.as_str(), longer.as_str()]) {
                let answer = send_plausible(route, fixture, &fixture.app.key(key));
                match route.needs {
                    Needs::Person | Needs::Operator => answer.refused(401, "UNAUTHORIZED"),
                    Needs::Key
                    | Needs::PersonOrSecretKey
                    | Needs::SecretKey
                    | Needs::Nobody
                    | Needs::Link => answer.refused(401, "INVALID_API_KEY"),
                };
            }
        }
    });
}

#[test]
fn a_credential_of_the_wrong_kind_is_refused_on_every_route() {
    Fixture::new().unchanged_by(|fixture| {
        let person = fixture.app.person(&fixture.user);
        for route in ROUTES {
            let publishable =
                || send_plausible(route, fixture, &fixture.app.key(&fixture.project.pk_live));
            let secret =
                || send_plausible(route, fixture, &fixture.app.key(&fixture.project.sk_live));
            match route.needs {
                Needs::Nobody | Needs::Link | Needs::Key => {}
                Needs::PersonOrSecretKey | Needs::SecretKey => {
                    // A publishable key is valid but has no right; a secret key must name a user.
                    publishable().refused(403, "FORBIDDEN");
                    secret().refused(400, "VALIDATION_ERROR");
                }
                Needs::Person => {
                    publishable().refused(401, "UNAUTHORIZED");
                }
                Needs::Operator => {
                    publishable().refused(401, "UNAUTHORIZED");
                    secret().refused(401, "UNAUTHORIZED");
                    send_plausible(route, fixture, &person).refused(403, "FORBIDDEN");
                }
            }
        }
    });
}

#[test]
fn a_forged_or_stale_token_is_refused_on_every_route_for_people() {
    Fixture::new().unchanged_by(|fixture| {
        let forged = forged_tokens(&fixture.user);
        for route in ROUTES {
            if !matches!(route.needs, Needs::Nobody | Needs::Link | Needs::Key) {
                for (what, token) in &forged {
                    let answer = send_plausible(route, fixture, &fixture.app.key(token));
                    assert_eq!(answer.status, 401, "a token {what} was let in: {answer}");
                    answer.refused(401, "UNAUTHORIZED");
                }
            }
        }
    });
}

#[test]
fn an_operator_role_that_the_person_could_write_themselves_is_no_role() {
    Fixture::new().unchanged_by(|fixture| {
        let role = json!({"role": "operator"});
        let claims = |name: &str, value: Value| signed(&with(claims(&fixture.user), name, value));
        for token in [
            claims("user_metadata", role),
            claims("role", json!("operator")),
            claims("app_metadata", json!({"role": ["operator"]})),
            claims("app_metadata", json!({"role": "Operator"})),
            claims("app_metadata", json!("operator")),
        ] {
            let answer = fixture.app.key(&token).get("/v1/admin/ledger/audit");
            answer.refused(403, "FORBIDDEN");
        }
    });
}

#[test]
fn headers_that_are_no_credential_or_too_long_are_refused() {
    Fixture::new().unchanged_by(|fixture| {
        let anonymous = fixture.app.anonymous();
        for route in
            ROUTES.iter().filter(|route| !matches!(route.needs, Needs::Nobody | Needs::Link))
        {
            for value in [
                "Bearer ",
                "Bearer",
                "",
                "Bearer  two words",
                "Basic !!!not-base64!!!",
                "Basic Og==",
                "Digest username=\"x\"",
                &format!("Bearer {}", "a".repeat(20_000)),
                &format!("Bearer {}.{}.{}", "a".repeat(4_000), "b".repeat(4_000), "c"),
            ] {
                let answer =
                    send_plausible(route, fixture, &anonymous.with("authorization", value));
                assert_eq!(answer.status, 401, "{value:?}: {answer}");
                answer.error();
            }
        }
        let person = fixture.app.person(&fixture.user);
        let answer = person.keyed(&"x".repeat(256)).post(
            "/v1/user/consent",
            &json!({
            "marketing": true}),
        );
        answer.refused(400, "VALIDATION_ERROR");
        let answer = person.with("x-priv-environment", "mars").get("/v1/user/balance");
        answer.refused(400, "VALIDATION_ERROR");
    });
}

#[test]
fn a_request_id_is_echoed_only_if_it_is_harmless() {
    Fixture::new().unchanged_by(|fixture| {
        let person = fixture.app.person(&fixture.user);
        let answer = person.with("x-request-id", "req-42_a.b").get("/v1/user/balance");
        assert_eq!(answer.header("x-request-id"), Some("req-42_a.b"));
        answer.ok();
        for hostile in [&"x".repeat(5_000), "a\"}{\"b", "<script>", ""] {
            let answer = person.with("x-request-id", hostile).get("/v1/user/nothing-here");
            answer.refused(404, "NOT_FOUND");
            assert_ne!(answer.header("x-request-id"), Some(hostile), "{answer}");
        }
    });
}

#[test]
fn unknown_routes_and_hostile_paths_are_not_found() {
    Fixture::new().unchanged_by(|fixture| {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v1/nothing",
            "/v2/events",
            "/api/events",
            "/api/v1",
            "/v1/user",
            "/v1/user/balance/more",
            "/v1/admin",
            "/v1/events/../admin/journal/x",
            "/v1/%00",
            "/v1/user/%ff%fe",
            "/v1/user/%2e%2e/%2e%2e/etc/passwd",
            "/v1/admin/projects/%2e%2e%2f%2e%2e",
            "/v1/%zz",
            "//v1//nothing",
            "/v1/user/balance%0d%0aX-Evil:%201",
        ] {
            for caller in [fixture.app.anonymous(), fixture.app.operator()] {
                let answer = caller.get(path);
                assert!(answer.header("x-evil").is_none(), "{answer}");
                // A caller without the right to know of a thing may be told that before what is
                // wrong with it.
                assert!(matches!(answer.status, 400 | 401 | 404), "{answer}");
                answer.error();
            }
        }
        fixture.app.anonymous().get("/v1/nothing").refused(404, "NOT_FOUND");
        fixture.app.anonymous().get("/").refused(404, "NOT_FOUND");
        let long = format!("/v1/user/{}", "x".repeat(6_000));
        fixture.app.anonymous().get(&long).error();
    });
}

#[test]
fn queries_that_make_no_sense_are_refused() {
    Fixture::new().unchanged_by(|fixture| {
        let days = "start_date=2026-01-01&end_date=2026-01-31";
        let analytics: Vec<String> = [
            "",
            "start_date=2026-01-01",
            "end_date=2026-01-01",
            "start_date=&end_date=",
            "start_date=yesterday&end_date=today",
            "start_date=2026-02-30&end_date=2026-03-01",
            "start_date=2026-03-01&end_date=2026-02-01",
            "start_date=20260101&end_date=20260102",
            "start_date=99999-01-01&end_date=99999-01-02",
            &format!("{days}&timezone=Mars/Phobos"),
            &format!("{days}&event_type=click"),
            &format!("{days}&group_by=colour"),
        ]
        .map(|query| format!("/v1/analytics?{query}"))
        .to_vec();
        let key = fixture.app.key(&fixture.project.pk_live);
        for path in &analytics {
            key.get(path).refused(400, "VALIDATION_ERROR");
        }
        let person = fixture.app.person(&fixture.user);
        for query in [
            "page=0",
            "page=x",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=1e9",
            "cursor=%00%ff",
            "cursor=nonsense",
            "status=bogus",
            "source=theft",
            "from=noon",
        ] {
            let answer = person.get(&format!("/v1/user/earnings?{query}"));
            answer.refused(400, "VALIDATION_ERROR");
        }
        let operator = fixture.app.operator();
        let actor = super::story::actor_path(&fixture.user);
        for path in [
            "/v1/admin/ledger/audit?environment=mars".to_owned(),
            format!("{actor}?at=noon"),
            format!("{actor}?at=-1"),
            "/v1/admin/actors/user?cursor=%00".to_owned(),
        ] {
            operator.get(&path).refused(400, "VALIDATION_ERROR");
        }
    });
}

#[test]
fn what_belongs_to_others_or_to_nobody_is_not_found() {
    Fixture::new().unchanged_by(|fixture| {
        let operator = fixture.app.operator();
        let absent = "proj_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for path in [
            format!("/v1/admin/projects/{absent}"),
            "/v1/admin/projects/42".to_owned(),
            "/v1/admin/projects/proj_".to_owned(),
            format!("/v1/admin/projects/{}", "x".repeat(2_000)),
            format!("/v1/admin/projects/{absent}/keys"),
            "/v1/admin/actors/unicorn".to_owned(),
            "/v1/admin/actors/unicorn/1".to_owned(),
            format!("/v1/admin/actors/user/{}", tokens::new_person()),
            format!("/v1/admin/actors/project/{absent}"),
            format!("/v1/admin/actors/user/{}", encoded("../../etc")),
        ] {
            operator.get(&path).refused(404, "NOT_FOUND");
        }
        let budget = json!({"amount_priv": 1, "reason": "r"});
        operator
            .post(&format!("/v1/admin/projects/{absent}/budget"), &budget)
            .refused(404, "NOT_FOUND");
        let key = format!(
            "/v1/admin/projects/{}/keys/key_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            fixture.project.id
        );
        operator.delete(&key).refused(404, "NOT_FOUND");
        operator.post(&format!("{key}/roll"), &json!({})).refused(404, "NOT_FOUND");

        let secret = fixture.app.key(&fixture.project.sk_live);
        for id in [tokens::new_person(), "never-seen".to_owned(), format!("{absent}/u/42")] {
            let answer = secret.get(&format!("/v1/user/balance?user_id={}", encoded(&id)));
            answer.refused(404, "NOT_FOUND");
        }
    });
}

/// Calls a route with a valid body, so that only the credential can be wrong.
#[track_caller]
fn send_plausible(route: &Route, fixture: &Fixture, caller: &Caller) -> Answer {
    let body: Option<&[u8]> = match route.body {
        Body::None | Body::Form => None,
        Body::Optional => Some(b"{}"),
        Body::Json => Some(b"{\"analytics\":true,\"name\":\"x\",\"plan\":\"free\"}"),
        Body::Events => Some(b"{\"event_type\":\"track\",\"event_name\":\"x\",\"user_id\":\"u\"}"),
    };
    caller.send(&route.method(), &route.path(fixture), body)
}
