//! Verifies the JWTs of signed-in people.
//!
//! The algorithm comes from the key, never from the token: a token that says HS256 is only ever
//! checked with the configured secret, and one that says RS256, ES256 or EdDSA only with a key of
//! the key set that is pinned to that very algorithm.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use priv_domain::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::jwks::Jwks;
use super::naming::{NotAUserId, as_uuid, check_person_id};
use super::person::{BadToken, Person, Standing};
use super::token_cache::TokenCache;
use crate::rate_limit::plan_named;

/// How far clocks may differ, in seconds.
const LEEWAY_SECS: i64 = 60;

/// The longest token that is read, in bytes. Supabase's have one to two KiB.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// The most tokens that are remembered at a time, about 150 bytes each.
const REMEMBERED_TOKENS: usize = 65_536;

/// What the claims of a token must say.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// The `iss` that they must have; `None` accepts any.
    pub issuer: Option<String>,
    /// The `aud` that they must have.
    pub audience: String,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self { issuer: None, audience: "authenticated".to_owned() }
    }
}

/// Verifies tokens, and remembers those that were valid.
pub struct TokenVerifier {
    secret: Option<(DecodingKey, Validation)>,
    jwks: Option<Arc<Jwks>>,
    rules: TokenRules,
    cache: TokenCache,
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
    sub: Option<String>,
    aud: Option<OneOrMore>,
    iss: Option<String>,
    app_metadata: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl TokenVerifier {
    /// Checks tokens with an HS256 secret, a key set, or both.
    #[must_use]
    pub fn new(secret: Option<&[u8]>, jwks: Option<Arc<Jwks>>, rules: TokenRules) -> Self {
        let secret = secret
            .map(|secret| (DecodingKey::from_secret(secret), signature_only(Algorithm::HS256)));
        Self { secret, jwks, rules, cache: TokenCache::new(REMEMBERED_TOKENS) }
    }

    /// Returns the person whom the token signs in at `now`.
    ///
    /// # Errors
    /// [`BadToken`]. The signature is checked before any claim.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Person>, BadToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(BadToken::Malformed);
        }
        let generation = self.jwks.as_ref().map_or(0, |jwks| jwks.generation());
        let hash = self.cache.hash(token);
        if let Some(known) = self.cache.get(&hash, generation, now).into() {
            return known;
        }
        let claims = self.check_signature(token, now).await?;
        let good_until = self.check_claims(&claims, now)?;
        let person = Arc::new(person_of(claims)?);
        self.cache.put(hash, Arc::clone(&person), good_until, generation, now);
        Ok(person)
    }

    async fn check_signature(&self, token: &str, now: Timestamp) -> Result<Claims, BadToken> {
        let header = decode_header(token).map_err(|_| BadToken::Malformed)?;
        if header.crit.is_some() {
            return Err(BadToken::Malformed);
        }
        if header.alg == Algorithm::HS256 {
            let (key, validation) = self.secret.as_ref().ok_or_else(|| self.no_key())?;
            return claims_of(token, key, validation);
        }
        let jwks = self.jwks.as_ref().ok_or_else(|| self.no_key())?;
        let key = find_key(jwks, &header, now).await?;
        claims_of(token, &key.key, &signature_only(key.algorithm))
    }

    fn no_key(&self) -> BadToken {
        match (&self.secret, &self.jwks) {
            (None, None) => BadToken::NotConfigured,
            (Some(_), _) | (_, Some(_)) => BadToken::Algorithm,
        }
    }

    /// Checks the claims and returns until when they hold.
    fn check_claims(&self, claims: &Claims, now: Timestamp) -> Result<Timestamp, BadToken> {
        let good_until = moment(claims.exp.ok_or(BadToken::NoExpiry)?, LEEWAY_SECS)?;
        if now >= good_until {
            return Err(BadToken::Expired);
        }
        if let Some(not_before) = claims.nbf
            && now < moment(not_before, -LEEWAY_SECS)?
        {
            return Err(BadToken::NotYetValid);
        }
        let audience = &self.rules.audience;
        let is_for_us = match &claims.aud {
            Some(OneOrMore::One(one)) => one == audience,
            Some(OneOrMore::More(more)) => more.contains(audience),
            None => false,
        };
        if !is_for_us {
            return Err(BadToken::Audience);
        }
        if self.rules.issuer.is_some() && self.rules.issuer != claims.iss {
            return Err(BadToken::Issuer);
        }
        Ok(good_until)
    }
}

async fn find_key(
    jwks: &Arc<Jwks>,
    header: &Header,
    now: Timestamp,
) -> Result<Arc<super::jwks::PinnedKey>, BadToken> {
    if !Jwks::ALGORITHMS.contains(&header.alg) {
        return Err(BadToken::Algorithm);
    }
    let key =
        jwks.find(header.kid.as_deref(), header.alg, now).await.ok_or(BadToken::UnknownKey)?;
    if key.algorithm == header.alg { Ok(key) } else { Err(BadToken::Algorithm) }
}

/// The library checks signatures only; claims are checked here, with the clock that is handed in.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn claims_of(token: &str, key: &DecodingKey, validation: &Validation) -> Result<Claims, BadToken> {
    use jsonwebtoken::errors::ErrorKind;
    decode::<Claims>(token, key, validation).map(|token| token.claims).map_err(|error| {
        if matches!(error.kind(), ErrorKind::InvalidSignature) {
            BadToken::Signature
        } else if matches!(error.kind(), ErrorKind::InvalidAlgorithm) {
            BadToken::Algorithm
        } else {
            BadToken::Malformed
        }
    })
}

/// A JWT's time, given in seconds with or without decimals, moved by the leeway.
fn moment(seconds: f64, leeway_secs: i64) -> Result<Timestamp, BadToken> {
    // The year 9999; as milliseconds it is exact in both types.
    const MAX_SECS: f64 = 253_402_300_800.0;
    if !(0.0..=MAX_SECS).contains(&seconds) {
        return Err(BadToken::Malformed);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked just now")]
    let millis = (seconds * 1000.0) as i64;
    Ok(Timestamp::from_millis(millis).plus_millis(leeway_secs * 1000))
}

fn person_of(claims: Claims) -> Result<Person, BadToken> {
    let sub = claims.sub.ok_or(BadToken::Subject(NotAUserId::Empty))?;
    check_person_id(&sub).map_err(BadToken::Subject)?;
    // Events and keys name people by UUIDs in lower-case letters.
    let sub = as_uuid(&sub).unwrap_or(sub);
    let said = |name| claims.app_metadata.as_ref()?.get(name)?.as_str();
    let standing = match said("role") {
        Some("operator") => Standing::Operator,
        Some(_) | None => Standing::User,
    };
    Ok(Person {
        sub: sub.into(),
        plan: said("plan").and_then(|plan| plan_named(plan).ok()),
        standing,
    })
}

#[cfg(test)]
mod tests;
