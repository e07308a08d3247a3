//! API keys: how they are made and recognised, and what each may do.

use std::fmt;
use std::sync::Arc;

use priv_domain::id::{KeyId, ProjectId};
use priv_domain::project::{KeyRole, Scope, Scopes};
use priv_domain::{Environment, Timestamp};
use sha2::{Digest, Sha256};

use crate::rate_limit::Limits;

/// Characters after the prefix of a key that we make: about 190 bits.
const SECRET_CHARS: usize = 32;

/// Nothing longer is hashed to see whether it is a key.
const MAX_KEY_BYTES: usize = 128;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const ROLES: [KeyRole; 2] = [KeyRole::Publishable, KeyRole::Secret];

/// The prefix of all keys with this role and environment, such as `pk_live_`.
#[must_use]
pub const fn key_prefix(role: KeyRole, environment: Environment) -> &'static str {
    match (role, environment) {
        (KeyRole::Publishable, Environment::Live) => "pk_live_",
        (KeyRole::Publishable, Environment::Test) => "pk_test_",
        (KeyRole::Secret, Environment::Live) => "sk_live_",
        (KeyRole::Secret, Environment::Test) => "sk_test_",
    }
}

/// All that a request needs to know of a key. Made once when the key changes, then shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id, which is not secret.
    pub id: KeyId,
    /// The project that it belongs to.
    pub project: ProjectId,
    /// The environment that it acts in.
    pub environment: Environment,
    /// Whether it is publishable or secret.
    pub role: KeyRole,
    /// The scopes of a secret key; a publishable key's rights follow from its role.
    pub scopes: Scopes,
    /// Its rate limits: the project's own, else those of its plan.
    pub limits: Limits,
    /// Whether the project lets its publishable keys read analytics.
    pub serves_analytics: bool,
    /// When it stops working; `None` unless it was rolled or ended.
    pub expires_at: Option<Timestamp>,
    /// Whether it is revoked, and so never in force.
    pub revoked: bool,
}

impl KeyInfo {
    /// Whether it may be used at `now`.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it has the right to `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        match self.role {
            KeyRole::Secret => self.scopes.has(scope),
            KeyRole::Publishable => match scope {
                Scope::EventsWrite => true,
                Scope::AnalyticsRead => self.serves_analytics,
                Scope::EventsRead | Scope::UsersRead | Scope::UsersWrite | Scope::BillingManage => {
                    false
                }
            },
        }
    }
}

/// Finds keys. Asked on every request, so it must answer from memory.
pub trait KeyLookup: Send + Sync {
    /// The key whose text has this SHA-256, whether in force or not.
    fn find(&self, sha256: &[u8; 32]) -> Option<Arc<KeyInfo>>;
}

/// A key just made. Its secret exists here only: what is stored is the hash.
pub struct NewKey {
    /// The whole key, to be shown once.
    pub secret: String,
    /// The SHA-256 of `secret`, by which the key is stored and found.
    pub sha256: [u8; 32],
    /// Its last four characters, by which people tell keys apart.
    pub last4: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey(…{})", self.last4)
    }
}

/// Makes a key from 32 random bytes. The same bytes make the same key.
#[must_use]
pub fn key_from_seed(role: KeyRole, environment: Environment, seed: &[u8; 32]) -> NewKey {
    let prefix = key_prefix(role, environment);
    let mut secret = String::from(prefix);
    let mut stream =
        blake3::Hasher::new_derive_key("priv-protocol 2026 api key").update(seed).finalize_xof();
    let mut random = [0u8; 64];
    while secret.len() < prefix.len() + SECRET_CHARS {
        stream.fill(&mut random);
        let wanted = prefix.len() + SECRET_CHARS - secret.len();
        // 248 is the largest multiple of 62 in a byte: with larger ones, some characters would come
        // more often.
        let even = random.iter().filter(|byte| **byte < 248);
        secret.extend(even.take(wanted).map(|byte| char::from(BASE62[usize::from(byte % 62)])));
    }
    let last4 = secret[secret.len() - 4..].to_owned();
    NewKey { sha256: hash_key(&secret), last4, secret }
}

/// The SHA-256 of a key's text, by which it is stored and found.
#[must_use]
pub fn hash_key(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Whether a text has one of the prefixes of keys, something after it, and at most 128 bytes.
#[must_use]
pub fn looks_like_key(text: &str) -> bool {
    text.len() <= MAX_KEY_BYTES
        && ROLES.into_iter().any(|role| {
            Environment::ALL.into_iter().any(|environment| {
                let prefix = key_prefix(role, environment);
                text.len() > prefix.len() && text.starts_with(prefix)
            })
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_of_their_form_and_never_the_same() {
        let mut seen = HashSet::new();
        let mut seed = [0u8; 32];
        for role in ROLES {
            for environment in Environment::ALL {
                for _ in 0..100 {
                    seed[0] = seed[0].wrapping_add(1);
                    let key = key_from_seed(role, environment, &seed);
                    assert_eq!(key.secret, key_from_seed(role, environment, &seed).secret);
                    let random =
                        key.secret.strip_prefix(key_prefix(role, environment)).expect("its prefix");
                    assert_eq!(random.len(), SECRET_CHARS);
                    assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
                    assert!(looks_like_key(&key.secret) && random.ends_with(&key.last4));
                    assert_eq!(hash_key(&key.secret), key.sha256);
                    assert!(!format!("{key:?}").contains(random), "the secret stays out of logs");
                    assert!(seen.insert(key.secret));
                }
            }
        }
        for text in ["", "pk_live_", "pk_prod_abc", "PK_LIVE_abc", &"sk_live_".repeat(20)] {
            assert!(!looks_like_key(text), "{text}");
        }
    }

    #[test]
    fn a_publishable_key_ingests_and_reads_analytics_if_the_project_lets_it() {
        let mut key = crate::auth::testing::key(KeyRole::Publishable);
        key.scopes = Scopes::ALL;
        for serves_analytics in [true, false] {
            key.serves_analytics = serves_analytics;
            let rights: Vec<_> =
                Scope::ALL.into_iter().filter(|scope| key.may(*scope)).map(Scope::as_str).collect();
            let expected: &[&str] = if serves_analytics {
                &["events:write", "analytics:read"]
            } else {
                &["events:write"]
            };
            assert_eq!(rights, expected);
        }
    }

    #[test]
    fn a_rolled_key_is_in_force_until_its_overlap_ends() {
        let mut key = crate::auth::testing::key(KeyRole::Secret);
        let end = Timestamp::from_millis(1_000);
        assert!(key.is_in_force(end));
        key.expires_at = Some(end);
        assert!(key.is_in_force(Timestamp::from_millis(999)));
        assert!(!key.is_in_force(end));
        key.expires_at = None;
        key.revoked = true;
        assert!(!key.is_in_force(end));
    }
}
