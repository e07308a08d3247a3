//! Makes tokens as the identity provider signs them, and as others forge them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::pkcs8::EncodePrivateKey as _;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

/// The value of `PRIV_JWT_SECRET`.
pub(crate) const SECRET: &str = "the-legacy-secret-of-the-identity-provider-0123456789";

/// The current time, in seconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A new person's id: a random UUID.
pub(crate) fn new_person() -> String {
    person_id(&mut fastrand::Rng::new())
}

/// A new person's id from a seeded generator.
pub(crate) fn person_id(random: &mut fastrand::Rng) -> String {
    let bits = random.u128(..);
    // Version 4, variant 1, as the provider's subjects are.
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// The claims of a good token for `sub`.
pub(crate) fn claims(sub: &str) -> Value {
    json!({"sub": sub, "aud": "authenticated", "iat": now() - 1, "exp": now() + 3_600})
}

/// A good HS256 token.
pub(crate) fn person(sub: &str) -> String {
    signed(&claims(sub))
}

/// A good HS256 token of an operator.
pub(crate) fn operator(sub: &str) -> String {
    signed(&with(claims(sub), "app_metadata", json!({"role": "operator"})))
}

/// A token with these claims, signed with the provider's secret.
pub(crate) fn signed(claims: &Value) -> String {
    signed_as(Algorithm::HS256, claims, SECRET.as_bytes())
}

/// A token with these claims under an HMAC with any secret.
pub(crate) fn signed_as(algorithm: Algorithm, claims: &Value, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("an HMAC cannot fail")
}

/// The claims with one member changed; null removes it.
pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let members = claims.as_object_mut().expect("claims are an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

/// A token with this header, these claims and this signature, whatever they are.
pub(crate) fn assembled(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

/// A token with an HMAC under a header that names another algorithm or key.
pub(crate) fn signed_under(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let unsigned = assembled(header, claims, b"");
    let message = unsigned.trim_end_matches('.');
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.expect("an HMAC cannot fail"))
}

/// A key pair of the provider, as published under `kid`.
pub(crate) struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    private: EncodingKey,
    /// The public key as a JWK.
    pub(crate) jwk: Value,
    /// The public key in the form that a forger might use as an HMAC secret.
    pub(crate) public_pem: String,
}

impl SigningKey {
    /// A new ES256 key.
    pub(crate) fn es256(kid: &str) -> Self {
        let secret = p256::SecretKey::random(&mut p256::elliptic_curve::rand_core::OsRng);
        let der = secret.to_pkcs8_der().expect("a P-256 key can be written");
        let public = secret.public_key();
        let point = public.to_encoded_point(false);
        let coordinate = |bytes: Option<&p256::FieldBytes>| {
            URL_SAFE_NO_PAD.encode(bytes.expect("the point is not compressed"))
        };
        let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
            "x": coordinate(point.x()), "y": coordinate(point.y())});
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(der.as_bytes()),
            jwk,
            public_pem: public.to_public_key_pem(Default::default()).expect("it can be written"),
        }
    }

    /// A new RS256 key of 2,048 bits.
    pub(crate) fn rs256(kid: &str) -> Self {
        let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2_048)
            .expect("a key of this size can be made");
        let der = private.to_pkcs1_der().expect("an RSA key can be written");
        let public = private.to_public_key();
        let number = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
        let jwk = json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
            "n": number(public.n()), "e": number(public.e())});
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::RS256,
            private: EncodingKey::from_rsa_der(der.as_bytes()),
            jwk,
            public_pem: public.to_public_key_pem(Default::default()).expect("it can be written"),
        }
    }

    /// A token with these claims, signed with this key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.private).expect("a good key signs")
    }
}

/// A key set as the provider publishes it.
pub(crate) fn key_set(keys: &[&SigningKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk.clone()).collect::<Vec<_>>()})
}
