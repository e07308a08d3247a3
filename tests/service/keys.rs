//! Keys and tokens: what each kind may do, how keys change, and which tokens are trusted.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::app::{TestApp, wait_for};
use super::story::{TRACK, Verdicts, analytics_path, items, micros, send_new, track, tracks};
use super::tokens::{self, SECRET, SigningKey, claims, key_set, signed_under, with};

#[test]
fn a_publishable_key_sends_events_and_reads_analytics_and_no_users() {
    let app = TestApp::start();
    let project = app.funded_project();
    let key = app.key(&project.pk_live);
    send_new(&key, &[track("ann", "1")]);
    key.get(&analytics_path()).ok();
    for path in ["balance", "consent", "consent/history", "earnings"] {
        key.get(&format!("/v1/user/{path}?user_id=ann")).refused(403, "FORBIDDEN");
    }
    let consent = json!({"user_id": "ann", "analytics": true});
    key.post("/v1/user/consent", &consent).refused(403, "FORBIDDEN");
    let claim = json!({"user_id": "ann"});
    key.post("/v1/user/earnings/claim", &claim).refused(403, "FORBIDDEN");

    let path = format!("/v1/admin/projects/{}", project.id);
    let private = json!({"publishable_reads_analytics": false, "reason": "private"});
    app.operator().patch(&path, &private).ok();
    key.get(&analytics_path()).refused(403, "FORBIDDEN");
    app.key(&project.sk_live).get(&analytics_path()).ok();
}

#[test]
fn a_secret_key_reaches_the_users_of_its_project_and_no_others() {
    let app = TestApp::start();
    let (one, two) = (app.funded_project(), app.funded_project());
    let secret = app.key(&one.sk_live);
    let consent = json!({"user_id": "42", "analytics": true, "data_sharing": true});
    secret.post("/v1/user/consent", &consent).ok();
    send_new(&secret, &tracks("42", "e", 20));
    let balance =
        |key: &str, user: &str| app.key(key).get(&format!("/v1/user/balance?user_id={user}"));
    assert_eq!(micros(&balance(&one.sk_live, "42").ok()["pending_rewards"]), 20 * TRACK);
    // The other project's user 42 is someone else, whom nobody has seen.
    balance(&two.sk_live, "42").refused(404, "NOT_FOUND");
    send_new(&app.key(&two.pk_live), &[track("42", "e-1")]);
    assert_eq!(micros(&balance(&two.sk_live, "42").ok()["pending_rewards"]), 0);

    let (sub, _) = app.sharing_person();
    balance(&one.sk_live, &sub).refused(404, "NOT_FOUND");
    send_new(&app.key(&one.pk_live), &tracks(&sub, "e", 1));
    assert_eq!(balance(&one.sk_live, &sub).ok()["user_id"], sub.as_str());
    balance(&two.sk_live, &sub).refused(404, "NOT_FOUND");

    let claim = json!({"user_id": "42"});
    let claimed = secret.post("/v1/user/earnings/claim", &claim);
    assert_eq!(micros(&claimed.created()["claimed_priv"]), 20 * TRACK);
    let anonymous = json!({"event_type": "track", "event_name": "x", "anonymous_id": "visitor-7",
        "consent_given": true});
    send_new(&secret, &[anonymous]);
    let visitor = secret.get("/v1/user/balance?anonymous_id=visitor-7");
    assert_eq!(visitor.ok()["anonymous_id"], "visitor-7");
}

#[test]
fn the_two_environments_never_meet() {
    let app = TestApp::start();
    let project = app.funded_project();
    let (sub, person) = app.sharing_person();
    let in_test = person.with("x-priv-environment", "test");
    send_new(&app.key(&project.pk_live), &tracks(&sub, "e", 20));

    assert_eq!(in_test.get("/v1/user/consent").ok()["explicit"], false);
    assert_eq!(micros(&in_test.get("/v1/user/balance").ok()["pending_rewards"]), 0);
    let test_total = app.key(&project.pk_test).get(&analytics_path());
    assert_eq!(test_total.ok()["total_events"], 0);
    // In another project the same event id is another event.
    let batch = json!({"events": tracks(&sub, "e", 5)});
    let answer = app.key(&project.pk_test).post("/v1/events", &batch);
    assert_eq!(Verdicts::of(&answer), Verdicts::accepted(5));
    assert_eq!(app.key(&project.pk_live).get(&analytics_path()).ok()["total_events"], 20);

    let audit = |environment: &str| {
        let answer =
            app.operator().get(&format!("/v1/admin/ledger/audit?environment={environment}"));
        micros(&answer.ok()["minted"])
    };
    assert_eq!((audit("live"), audit("test")), (1_000_000_000, 0));
    let path = format!("/v1/user/balance?user_id={sub}");
    app.key(&project.sk_test).get(&path).ok();
    assert_eq!(micros(&app.key(&project.sk_test).get(&path).ok()["pending_rewards"]), 0);
}

#[test]
fn a_secret_key_does_what_its_scopes_say() {
    let app = TestApp::start();
    let project = app.funded_project();
    send_new(&app.key(&project.pk_live), &[track("ann", "1")]);
    let keys = format!("/v1/admin/projects/{}/keys", project.id);
    let with_scopes = |scopes: Value| {
        let body = json!({"kind": "secret", "environment": "live", "scopes": scopes});
        let answer = app.operator().post(&keys, &body);
        app.key(answer.created()["key"].as_str().expect("the key is shown once"))
    };
    let reader = with_scopes(json!(["users:read"]));
    reader.get("/v1/user/balance?user_id=ann").ok();
    reader.get(&analytics_path()).refused(403, "FORBIDDEN");
    let consent = json!({"user_id": "ann", "analytics": true});
    reader.post("/v1/user/consent", &consent).refused(403, "FORBIDDEN");
    reader.post("/v1/events", &track("ann", "2")).refused(403, "FORBIDDEN");

    let writer = with_scopes(json!(["events:write", "users:write"]));
    writer.post("/v1/user/consent", &consent).ok();
    send_new(&writer, &[track("ann", "3")]);
    writer.get("/v1/user/balance?user_id=ann").refused(403, "FORBIDDEN");
    with_scopes(json!(["analytics:read"])).get(&analytics_path()).ok();
}

#[test]
fn keys_are_listed_without_their_secrets_rolled_with_an_overlap_and_revoked() {
    let mut app = TestApp::start();
    let project = app.funded_project();
    let path = format!("/v1/admin/projects/{}/keys", project.id);
    let listed = app.operator().get(&path);
    let keys = items(listed.ok()).clone();
    assert_eq!(keys.len(), 4, "{listed}");
    for secret in [&project.pk_live, &project.sk_live, &project.pk_test, &project.sk_test] {
        assert!(!listed.json.to_string().contains(secret.as_str()), "a key is shown once");
        let ending = &secret[secret.len() - 4..];
        assert!(keys.iter().any(|key| key["last_four"] == ending), "{listed}");
    }
    let id_of = |prefix: &str| {
        let of_kind = |key: &&Value| key["prefix"].as_str().is_some_and(|p| p.starts_with(prefix));
        let key = keys.iter().find(of_kind).unwrap_or_else(|| panic!("no {prefix} in {listed}"));
        key["key_id"].as_str().expect("a key has an id").to_owned()
    };
    let works = |app: &TestApp, key: &str| app.key(key).get(&analytics_path()).status == 200;

    let roll = |key: &str, overlap_secs: u64| {
        let body = json!({"overlap_secs": overlap_secs, "reason": "rotation"});
        let answer = app.operator().post(&format!("{path}/{}/roll", id_of(key)), &body);
        answer.done()["key"].as_str().expect("the new key is shown once").to_owned()
    };
    let new_live = roll("sk_live_", 3_600);
    assert!(new_live.starts_with("sk_live_") && new_live != project.sk_live);
    assert!(works(&app, &new_live) && works(&app, &project.sk_live), "both, for an hour");
    let new_public = roll("pk_live_", 1);
    assert!(works(&app, &new_public));
    wait_for("the old key's end", Duration::from_secs(10), || {
        (!works(&app, &project.pk_live)).then_some(())
    });
    app.key(&project.pk_live).get(&analytics_path()).refused(401, "INVALID_API_KEY");
    let new_test = roll("pk_test_", 0);
    assert!(works(&app, &new_test) && !works(&app, &project.pk_test), "without overlap at once");

    let revoked = app.operator().delete(&format!("{path}/{}", id_of("sk_test_")));
    assert!(matches!(revoked.status, 200 | 204), "{revoked}");
    app.key(&project.sk_test).get(&analytics_path()).refused(401, "INVALID_API_KEY");

    app.restart();
    for (key, expected) in [
        (&new_live, true),
        (&project.sk_live, true),
        (&new_public, true),
        (&project.pk_live, false),
        (&new_test, true),
        (&project.pk_test, false),
        (&project.sk_test, false),
    ] {
        assert_eq!(works(&app, key), expected, "{key} after a restart");
    }
    let log = app.log();
    for secret in [&project.sk_live, &new_live, &new_public, &project.pk_live] {
        assert!(!log.contains(secret.as_str()), "a key is in the log");
    }
}

#[test]
fn an_operator_is_also_who_the_provider_says_is_one() {
    let app = TestApp::start();
    let sub = tokens::new_person();
    let operator = app.key(&tokens::operator(&sub));
    operator.get("/v1/admin/ledger/audit").ok();
    let minted = app.run(&["token", "--sub", &sub, "--role", "operator"]);
    assert!(minted.status.success(), "{}", minted.text);
    app.key(token_in(&minted.text)).get("/v1/admin/journal").ok();
    let minted = app.run(&["token", "--sub", &sub]);
    let person = app.key(token_in(&minted.text));
    assert_eq!(person.get("/v1/user/balance").ok()["user_id"], sub.as_str());
    person.get("/v1/admin/journal").refused(403, "FORBIDDEN");
}

fn token_in(printed: &str) -> &str {
    let token = printed.split_whitespace().find(|word| word.starts_with("eyJ"));
    token.unwrap_or_else(|| panic!("no token in {printed}"))
}

#[test]
fn keys_from_a_file_verify_es256_and_rs256_and_nothing_else() {
    let (elliptic, rsa) = (SigningKey::es256("key-ec"), SigningKey::rs256("key-rsa"));
    let stranger = SigningKey::es256("key-ec");
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("jwks.json");
    fs::write(&file, key_set(&[&elliptic, &rsa]).to_string()).expect("it can be written");
    let app = TestApp::start_with(&[
        ("PRIV_JWKS", &file.to_string_lossy()),
        ("PRIV_JWT_ISSUER", "https://id.example/auth/v1"),
    ]);
    let sub = tokens::new_person();
    let good = with(claims(&sub), "iss", json!("https://id.example/auth/v1"));
    let balance = |token: &str| app.key(token).get("/v1/user/balance");
    for token in [elliptic.sign(&good), rsa.sign(&good), tokens::signed(&good)] {
        assert_eq!(balance(&token).ok()["user_id"], sub.as_str());
    }
    let confused = |key: &SigningKey, header: Value| {
        let secrets = [key.public_pem.clone(), key.jwk.to_string(), key.jwk["n"].to_string()];
        secrets.map(|secret| signed_under(&header, &good, secret.as_bytes()))
    };
    let mut forged = vec![
        stranger.sign(&good),
        elliptic.sign(&with(good.clone(), "iss", json!("https://id.example.evil/auth/v1"))),
        elliptic.sign(&claims(&sub)),
        rsa.sign(&with(good.clone(), "aud", json!("anon"))),
        rsa.sign(&with(good.clone(), "exp", json!(tokens::now() - 120))),
        signed_under(&json!({"alg": "RS256", "kid": "key-rsa"}), &good, SECRET.as_bytes()),
        signed_under(&json!({"alg": "HS256", "kid": "key-rsa"}), &good, b""),
    ];
    forged.extend(confused(&rsa, json!({"alg": "HS256", "kid": "key-rsa"})));
    forged.extend(confused(&rsa, json!({"alg": "HS256"})));
    forged.extend(confused(&elliptic, json!({"alg": "HS256", "kid": "key-ec"})));
    for token in &forged {
        balance(token).refused(401, "UNAUTHORIZED");
    }
}

#[test]
fn keys_from_an_address_are_cached_and_asked_for_again_only_now_and_then() {
    let (first, second) = (SigningKey::es256("first"), SigningKey::rs256("second"));
    let published = Published::serve(&key_set(&[&first, &second]));
    let app = TestApp::start_with(&[("PRIV_JWKS", &published.url)]);
    let sub = tokens::new_person();
    for key in [&first, &second, &first] {
        let answer = app.key(&key.sign(&claims(&sub))).get("/v1/user/balance");
        assert_eq!(answer.ok()["user_id"], sub.as_str());
    }
    let known = published.asked.load(Ordering::SeqCst);
    assert!((1..=2).contains(&known), "asked {known} times for keys that it knew");
    for n in 0..30 {
        let stranger = SigningKey::es256(&format!("unknown-{n}"));
        let answer = app.key(&stranger.sign(&claims(&sub))).get("/v1/user/balance");
        answer.refused(401, "UNAUTHORIZED");
    }
    let asked = published.asked.load(Ordering::SeqCst);
    assert!(asked <= known + 1, "asked {asked} times: strangers must not make it ask");
    app.key(&first.sign(&claims(&sub))).get("/v1/user/balance").ok();
}

/// The provider's published keys, on a port of the loopback interface.
struct Published {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Published {
    fn serve(keys: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, body) = (Arc::clone(&asked), keys.to_string());
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                if lines.take_while(|line| !line.is_empty()).count() > 0 {
                    count.fetch_add(1, Ordering::SeqCst);
                    let length = body.len();
                    let head =
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                    let answer = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
                    drop(stream.write_all(answer.as_bytes()));
                }
            }
        });
        Self { url: format!("http://{address}/.well-known/jwks.json"), asked }
    }
}
