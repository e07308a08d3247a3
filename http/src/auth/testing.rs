//! Callers for the tests of this crate.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use priv_domain::Environment;
use priv_domain::id::{KeyId, ProjectId};
use serde_json::{Value, json};

use priv_domain::project::{KeyRole, Scopes};

use super::key::{KeyInfo, KeyLookup, hash_key};
use crate::rate_limit::Limits;

/// The time at which tests begin, 2024-06-01T00:00:00Z (a Saturday), in Unix seconds.
pub(crate) const START_SECS: i64 = 1_717_200_000;

/// A key of the live environment with the limits of the free plan and no scopes.
pub(crate) fn key(role: KeyRole) -> KeyInfo {
    KeyInfo {
        id: KeyId::new(1),
        project: ProjectId::new(7),
        environment: Environment::Live,
        role,
        scopes: Scopes::default(),
        limits: Limits::FREE,
        serves_analytics: true,
        expires_at: None,
        revoked: false,
    }
}

/// Keys by their text.
#[derive(Default)]
pub(crate) struct KnownKeys(HashMap<[u8; 32], Arc<KeyInfo>>);

impl KnownKeys {
    pub(crate) fn with(mut self, text: &str, info: KeyInfo) -> Self {
        self.0.insert(hash_key(text), Arc::new(info));
        self
    }
}

impl KeyLookup for KnownKeys {
    fn find(&self, sha256: &[u8; 32]) -> Option<Arc<KeyInfo>> {
        self.0.get(sha256).cloned()
    }
}

/// Claims that are valid for an hour from [`START_SECS`].
pub(crate) fn claims() -> Value {
    json!({
        "sub": "6f1c9d0e-8a53-4b0e-9b1a-0d7a3c1f2e4d",
        "aud": "authenticated",
        "exp": START_SECS + 3_600,
    })
}

/// Claims with a test's changes; `null` removes a claim.
pub(crate) fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().expect("claims are an object");
    for (name, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// A private key and the public one for a key set.
pub(crate) struct SigningPair {
    pub(crate) algorithm: Algorithm,
    pub(crate) private: EncodingKey,
    pub(crate) kid: &'static str,
}

impl SigningPair {
    pub(crate) fn es256(kid: &'static str, seed: u8) -> Self {
        use p256::pkcs8::EncodePrivateKey;
        let secret = p256::SecretKey::from_slice(&[seed; 32]).expect("a key of the curve");
        let der = secret.to_pkcs8_der().expect("PKCS 8");
        let private = EncodingKey::from_ec_der(der.as_bytes());
        Self { algorithm: Algorithm::ES256, private, kid }
    }

    pub(crate) fn eddsa(kid: &'static str, seed: u8) -> Self {
        // RFC 8410: the fixed beginning of an Ed25519 key in PKCS 8, then its 32 bytes.
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend_from_slice(&[seed; 32]);
        Self { algorithm: Algorithm::EdDSA, private: EncodingKey::from_ed_der(&der), kid }
    }

    pub(crate) fn rs256(kid: &'static str, bits: usize) -> Self {
        use rsa::pkcs1::EncodeRsaPrivateKey;
        let mut random = p256::elliptic_curve::rand_core::OsRng;
        let secret = rsa::RsaPrivateKey::new(&mut random, bits).expect("an RSA key");
        let der = secret.to_pkcs1_der().expect("PKCS 1");
        let private = EncodingKey::from_rsa_der(der.as_bytes());
        Self { algorithm: Algorithm::RS256, private, kid }
    }

    /// Its public key as an entry of a key set.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).expect("a public key");
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).expect("JSON")
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.private).expect("a token")
    }
}

/// A token signed with a shared secret, as Supabase projects with a legacy secret make them.
pub(crate) fn hs256(secret: &[u8], claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
        .expect("a token")
}

/// A key set with the public keys of `pairs`, as JSON text.
pub(crate) fn key_set(pairs: &[&SigningPair]) -> String {
    json!({ "keys": pairs.iter().map(|pair| pair.jwk()).collect::<Vec<_>>() }).to_string()
}
