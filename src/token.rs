//! The tokens of people, as their apps' sign-in would make them.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::config::Settings;

/// Makes a JWT as Supabase would.
pub(crate) fn signed_token(
    secret: &str,
    sub: &str,
    role: Option<&str>,
    secs: u64,
    settings: &Settings,
) -> Result<String, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut claims = json!({
        "sub": sub,
        "aud": settings.jwt_audience.as_deref().unwrap_or("authenticated"),
        "iat": now,
        "exp": now + secs,
    });
    if let Some(issuer) = &settings.jwt_issuer {
        claims["iss"] = json!(issuer);
    }
    if let Some(role) = role {
        claims["app_metadata"] = json!({ "role": role });
    }
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(encode(&Header::default(), &claims, &key)?)
}
