//! Forged tokens, which the service must refuse.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::app::ADMIN_TOKEN;
use super::tokens::{self, SECRET, assembled, claims, now, signed, signed_as, signed_under, with};

/// Forged tokens, each with what is wrong with it. All that name anyone name `sub`.
pub(crate) fn forged_tokens(sub: &str) -> Vec<(&'static str, String)> {
    let good = claims(sub);
    let changed = |name: &str, value: Value| signed(&with(good.clone(), name, value));
    let operator = with(good.clone(), "app_metadata", json!({"role": "operator"}));
    let unsigned = |alg: &str| assembled(&json!({"alg": alg, "typ": "JWT"}), &operator, b"");
    let token = signed(&good);
    let parts: Vec<&str> = token.split('.').collect();
    let other = signed(&claims(&tokens::new_person()));
    let other_claims = other.split('.').nth(1).expect("a token has three parts");
    let jwk = json!({"kty": "oct", "k": "c2VjcmV0"});
    let header = |name: &str, value: Value| {
        let header = with(json!({"alg": "HS256", "typ": "JWT"}), name, value);
        signed_under(&header, &operator, b"secret")
    };
    vec![
        ("without algorithm", unsigned("none")),
        ("without algorithm, in capitals", unsigned("NONE")),
        ("without algorithm, in between", unsigned("nOnE")),
        ("with an empty algorithm", unsigned("")),
        ("without a signature", unsigned("HS256")),
        ("signed with nothing", signed_as(Algorithm::HS256, &operator, b"")),
        ("signed with another secret", signed_as(Algorithm::HS256, &operator, b"secret")),
        (
            "signed with the operator token",
            signed_as(Algorithm::HS256, &good, ADMIN_TOKEN.as_bytes()),
        ),
        (
            "of another algorithm of the family",
            signed_as(Algorithm::HS512, &good, SECRET.as_bytes()),
        ),
        (
            "that calls its HMAC RS256",
            signed_under(&json!({"alg": "RS256"}), &good, SECRET.as_bytes()),
        ),
        (
            "that calls its HMAC ES256",
            signed_under(&json!({"alg": "ES256"}), &good, SECRET.as_bytes()),
        ),
        ("that brings its own key", header("jwk", jwk)),
        ("that says where its key is", header("jku", json!("http://127.0.0.1:1/jwks"))),
        ("whose key id is a path", header("kid", json!("../../../../dev/null"))),
        ("with a critical extension", header("crit", json!(["exp"]))),
        ("with another's claims", [parts[0], other_claims, parts[2]].join(".")),
        ("cut short", token[..token.len() - 4].to_owned()),
        ("with one part more", format!("{token}.x")),
        ("with one part less", format!("{}.{}", parts[0], parts[1])),
        ("of dots", "..".to_owned()),
        ("of rubbish in three parts", "abc.def.ghi".to_owned()),
        ("that expired", changed("exp", json!(now() - 120))),
        ("that expires never", changed("exp", Value::Null)),
        ("whose expiry is text", changed("exp", json!("tomorrow"))),
        ("that is not valid yet", changed("nbf", json!(now() + 600))),
        ("for another audience", changed("aud", json!("anon"))),
        ("for a list of other audiences", changed("aud", json!(["anon", "service"]))),
        ("for no audience", changed("aud", Value::Null)),
        ("for nobody", changed("sub", Value::Null)),
        ("for an empty name", changed("sub", json!(""))),
        ("for a number", changed("sub", json!(42))),
        ("for a list", changed("sub", json!([sub]))),
        ("for a project's user", changed("sub", json!("proj_01ARZ3NDEKTSV4RRFFQ69G5FAV/u/42"))),
        ("for too long a name", changed("sub", json!("x".repeat(3_000)))),
    ]
}
