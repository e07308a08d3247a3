use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, encode};
use parking_lot::Mutex;
use serde_json::json;

use priv_domain::project::Plan;

use super::*;
use crate::auth::jwks::{JwksError, JwksSource};
use crate::auth::testing::{START_SECS, SigningPair, claims, claims_with, hs256, key_set};

const SECRET: &[u8] = b"a-legacy-secret-of-at-least-32-bytes";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis((START_SECS + secs) * 1_000)
}

fn with_secret() -> TokenVerifier {
    TokenVerifier::new(Some(SECRET), None, TokenRules::default())
}

/// A verifier with a key set from a file, which lives as long as the first of the two.
fn with_file(set: &str) -> (tempfile::NamedTempFile, TokenVerifier) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), set).expect("the file can be written");
    let jwks = Jwks::new(JwksSource::File(file.path().to_owned()));
    jwks.refresh().expect("the set can be used");
    (file, TokenVerifier::new(Some(SECRET), Some(jwks), TokenRules::default()))
}

async fn verify(verifier: &TokenVerifier, token: &str) -> Result<String, BadToken> {
    verifier.verify(token, at(0)).await.map(|person| person.sub.to_string())
}

#[actix_web::test]
async fn claims_are_checked_one_by_one() {
    let hour = START_SECS + 3_600;
    let sub = "6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d";
    let reserved = "proj_00000000000000000000000007/u/42";
    let table = [
        (json!({}), Ok(sub)),
        (json!({"exp": hour as f64 + 0.5}), Ok(sub)),
        (json!({"exp": START_SECS - 59}), Ok(sub)),
        (json!({"exp": START_SECS - 60}), Err(BadToken::Expired)),
        (json!({"exp": null}), Err(BadToken::NoExpiry)),
        (json!({"exp": "tomorrow"}), Err(BadToken::Malformed)),
        (json!({"exp": -1}), Err(BadToken::Malformed)),
        (json!({"exp": 1e300}), Err(BadToken::Malformed)),
        (json!({"nbf": START_SECS + 60}), Ok(sub)),
        (json!({"nbf": START_SECS + 61}), Err(BadToken::NotYetValid)),
        (json!({"aud": ["other", "authenticated"]}), Ok(sub)),
        (json!({"aud": "anon"}), Err(BadToken::Audience)),
        (json!({"aud": []}), Err(BadToken::Audience)),
        (json!({"aud": null}), Err(BadToken::Audience)),
        (json!({"sub": "alice"}), Ok("alice")),
        (json!({"sub": null}), Err(BadToken::Subject(NotAUserId::Empty))),
        (json!({"sub": ""}), Err(BadToken::Subject(NotAUserId::Empty))),
        (json!({"sub": "x".repeat(256)}), Err(BadToken::Subject(NotAUserId::TooLong))),
        (json!({"sub": "a\u{7f}"}), Err(BadToken::Subject(NotAUserId::ControlCharacters))),
        (json!({"sub": reserved}), Err(BadToken::Subject(NotAUserId::Reserved))),
        (json!({"sub": 42}), Err(BadToken::Malformed)),
    ];
    for (changes, expected) in table {
        let token = hs256(SECRET, &claims_with(changes.clone()));
        let expected = expected.map(str::to_owned);
        assert_eq!(verify(&with_secret(), &token).await, expected, "{changes}");
    }
}

#[actix_web::test]
async fn the_issuer_counts_if_one_is_named() {
    let rules = TokenRules { issuer: Some("https://id.example".into()), ..TokenRules::default() };
    let verifier = TokenVerifier::new(Some(SECRET), None, rules);
    let table = [
        (json!({"iss": "https://id.example"}), true),
        (json!({"iss": "https://id.example.evil"}), false),
        (json!({}), false),
    ];
    for (changes, is_good) in table {
        let token = hs256(SECRET, &claims_with(changes.clone()));
        assert_eq!(verify(&verifier, &token).await.is_ok(), is_good, "{changes}");
    }
}

#[actix_web::test]
async fn plan_and_standing_come_from_app_metadata_only() {
    let table = [
        (json!({}), None, Standing::User),
        (json!({"app_metadata": {"role": "operator"}}), None, Standing::Operator),
        (json!({"app_metadata": {"role": ["operator"]}}), None, Standing::User),
        (json!({"app_metadata": {"plan": "pro"}}), Some(Plan::Pro), Standing::User),
        (json!({"app_metadata": {"plan": "gold"}}), None, Standing::User),
        (json!({"app_metadata": "operator"}), None, Standing::User),
        (json!({"role": "operator"}), None, Standing::User),
        (json!({"user_metadata": {"role": "operator"}}), None, Standing::User),
    ];
    for (changes, plan, standing) in table {
        let token = hs256(SECRET, &claims_with(changes.clone()));
        let person = with_secret().verify(&token, at(0)).await.expect("a good token");
        assert_eq!((person.plan, person.standing), (plan, standing), "{changes}");
    }
}

fn unsigned(header: serde_json::Value) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&header), part(&claims()))
}

#[actix_web::test]
async fn forged_tokens_are_refused() {
    let pair = SigningPair::es256("k1", 7);
    let (_file, verifier) = with_file(&key_set(&[&pair]));
    let good = pair.sign(&claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (head, _) = message.split_once('.').expect("three parts");
    let others = URL_SAFE_NO_PAD.encode(claims_with(json!({"sub": "mallory"})).to_string());
    let mut critical = Header::new(Algorithm::HS256);
    critical.crit = Some(vec!["exp".into()]);
    let critical =
        encode(&critical, &claims(), &EncodingKey::from_secret(SECRET)).expect("a token");
    let table = [
        (unsigned(json!({"alg": "none"})), BadToken::Malformed),
        (unsigned(json!({"alg": "None", "typ": "JWT"})), BadToken::Malformed),
        (unsigned(json!({"alg": "HS256"})), BadToken::Signature),
        (unsigned(json!({"alg": "ES256", "kid": "k1"})), BadToken::Signature),
        (unsigned(json!({"alg": "HS512"})), BadToken::Algorithm),
        (unsigned(json!({"alg": "PS256", "kid": "k1"})), BadToken::Algorithm),
        (unsigned(json!({"alg": "EdDSA", "kid": "k1"})), BadToken::Algorithm),
        (hs256(b"another secret", &claims()), BadToken::Signature),
        (critical, BadToken::Malformed),
        (SigningPair::es256("k1", 8).sign(&claims()), BadToken::Signature),
        (SigningPair::es256("k2", 7).sign(&claims()), BadToken::UnknownKey),
        (format!("{head}.{others}.{signature}"), BadToken::Signature),
        (format!("{message}.{}", &signature[2..]), BadToken::Signature),
        (format!("{message}."), BadToken::Signature),
        ("a.b.c".to_owned(), BadToken::Malformed),
        ("..".to_owned(), BadToken::Malformed),
        ("x".repeat(9_000), BadToken::Malformed),
    ];
    for (token, expected) in table {
        assert_eq!(verify(&verifier, &token).await, Err(expected), "{token}");
    }
    assert!(verify(&verifier, &good).await.is_ok());
}

#[actix_web::test]
async fn a_public_rsa_key_is_not_a_shared_secret() {
    let pair = SigningPair::rs256("r1", 2048);
    let (_file, verifier) = with_file(&key_set(&[&pair]));
    assert!(verify(&verifier, &pair.sign(&claims())).await.is_ok());
    let jwk = pair.jwk();
    let modulus = jwk["n"].as_str().expect("an RSA key");
    let decoded = URL_SAFE_NO_PAD.decode(modulus).expect("base64");
    for public in [modulus.as_bytes(), &decoded, jwk.to_string().as_bytes()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("r1".into());
        let forged =
            encode(&header, &claims(), &EncodingKey::from_secret(public)).expect("a token");
        assert_eq!(verify(&verifier, &forged).await, Err(BadToken::Signature));
    }
    let (_file, set_only) = with_file(&key_set(&[&pair]));
    let set_only = TokenVerifier { secret: None, ..set_only };
    let forged = hs256(&decoded, &claims());
    assert_eq!(verify(&set_only, &forged).await, Err(BadToken::Algorithm));
}

#[actix_web::test]
async fn every_kind_of_key_signs_people_in() {
    let pairs = [SigningPair::es256("e", 7), SigningPair::eddsa("d", 7)];
    let (_file, verifier) = with_file(&key_set(&[&pairs[0], &pairs[1]]));
    for pair in &pairs {
        assert!(verify(&verifier, &pair.sign(&claims())).await.is_ok(), "{}", pair.kid);
        let without_kid = encode(&Header::new(pair.algorithm), &claims(), &pair.private);
        let without_kid = without_kid.expect("a token");
        assert!(verify(&verifier, &without_kid).await.is_ok(), "the only one of its algorithm");
    }
    let nothing = TokenVerifier::new(None, None, TokenRules::default());
    assert_eq!(verify(&nothing, &pairs[0].sign(&claims())).await, Err(BadToken::NotConfigured));
}

#[test]
fn only_fit_keys_are_taken_from_a_set() {
    let refresh = |set: serde_json::Value| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), set.to_string()).expect("the file can be written");
        Jwks::new(JwksSource::File(file.path().to_owned())).refresh()
    };
    let changed = |name: &str, value: serde_json::Value| {
        let mut jwk = SigningPair::es256("k", 7).jwk();
        jwk[name] = value;
        jwk
    };
    let unfit = [
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"}),
        SigningPair::rs256("k", 1024).jwk(),
        changed("alg", json!("ES384")),
        changed("alg", json!("HS256")),
        changed("use", json!("enc")),
        changed("crv", json!("P-384")),
        changed("x", json!("AAAA")),
        json!("no key at all"),
    ];
    for jwk in unfit {
        let refused = refresh(json!({"keys": [jwk]}));
        assert!(matches!(refused, Err(JwksError::Empty)), "{jwk}");
        let beside = refresh(json!({"keys": [jwk, SigningPair::eddsa("d", 7).jwk()]}));
        assert_eq!(beside.ok(), Some(1), "others beside it are taken: {jwk}");
    }
    assert!(matches!(refresh(json!([])), Err(JwksError::Parse(_))));
    assert!(matches!(refresh(json!("x".repeat(300_000))), Err(JwksError::TooLarge)));
    let missing = Jwks::new(JwksSource::File("/nowhere/at/all".into()));
    assert!(matches!(missing.refresh(), Err(JwksError::Read(_))));
}

/// A server on the loopback address that serves a key set and counts how often it is asked.
struct KeyServer {
    url: String,
    set: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

fn key_server(set: String) -> KeyServer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
    let set = Arc::new(Mutex::new(set));
    let asked = Arc::new(AtomicUsize::new(0));
    let server = KeyServer { url, set: Arc::clone(&set), asked: Arc::clone(&asked) };
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut request = [0; 4096];
            let read = connection.read(&mut request);
            asked.fetch_add(1, Ordering::SeqCst);
            let body = set.lock().clone();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let written = connection.write_all((head + &body).as_bytes());
            assert!(read.is_ok() && written.is_ok(), "the client is on this machine");
        }
    });
    server
}

impl KeyServer {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[actix_web::test]
async fn a_new_key_is_fetched_and_an_unknown_one_at_most_once_a_minute() {
    let (old, new) = (SigningPair::es256("old", 7), SigningPair::es256("new", 8));
    let server = key_server(key_set(&[&old]));
    let jwks = Jwks::new(JwksSource::parse(&server.url));
    let verifier = TokenVerifier::new(None, Some(jwks), TokenRules::default());
    let verify = async |pair: &SigningPair, secs: i64| {
        verifier.verify(&pair.sign(&claims()), at(secs)).await.map(|_| ())
    };
    assert_eq!(verify(&old, 0).await, Ok(()), "fetched with the first token");
    assert_eq!(verify(&new, 1).await, Err(BadToken::UnknownKey));
    assert_eq!(server.asked(), 1, "it had been asked a second ago");
    *server.set.lock() = key_set(&[&new]);
    assert_eq!(verify(&new, 59).await, Err(BadToken::UnknownKey));
    assert_eq!(server.asked(), 1);
    assert_eq!(verify(&old, 59).await, Ok(()), "known keys go on meanwhile");
    assert_eq!(verify(&new, 60).await, Ok(()));
    assert_eq!(server.asked(), 2);
    let gone = verify(&old, 61).await;
    assert_eq!(gone, Err(BadToken::UnknownKey), "its tokens are forgotten with the key");
    assert_eq!(server.asked(), 2);
}

#[actix_web::test]
async fn many_tokens_of_an_unknown_key_ask_once() {
    let pair = SigningPair::es256("k", 7);
    let server = key_server(key_set(&[&pair]));
    let jwks = Jwks::new(JwksSource::parse(&server.url));
    let verifier = TokenVerifier::new(None, Some(jwks), TokenRules::default());
    let tokens: Vec<_> =
        (0..50).map(|i| pair.sign(&claims_with(json!({"sub": format!("user-{i}")})))).collect();
    let all = tokens.iter().map(|token| verifier.verify(token, at(0)));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.asked(), 1);
}

#[actix_web::test]
async fn a_server_that_is_gone_leaves_the_keys_as_they_were() {
    let pair = SigningPair::es256("k", 7);
    let server = key_server(key_set(&[&pair]));
    let jwks = Jwks::new(JwksSource::parse(&server.url));
    assert_eq!(jwks.refresh().ok(), Some(1));
    *server.set.lock() = "<html>502</html>".to_owned();
    assert!(matches!(jwks.refresh(), Err(JwksError::Parse(_))));
    let verifier = TokenVerifier::new(None, Some(jwks), TokenRules::default());
    assert!(verify(&verifier, &pair.sign(&claims())).await.is_ok());
    let unknown = SigningPair::es256("other", 8).sign(&claims());
    assert_eq!(verify(&verifier, &unknown).await, Err(BadToken::UnknownKey));
}

#[actix_web::test]
async fn a_remembered_token_still_expires() {
    let verifier = with_secret();
    let token = hs256(SECRET, &claims());
    for (secs, is_good) in [(0, true), (1, true), (3_659, true), (3_660, false), (9_999, false)] {
        assert_eq!(verifier.verify(&token, at(secs)).await.is_ok(), is_good, "after {secs} s");
    }
}
