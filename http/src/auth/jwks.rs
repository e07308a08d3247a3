//! The key set that people's tokens are signed with: a file or a URL, cached by `kid`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;
use priv_domain::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// An unknown `kid` makes us look again at most this often.
const ASK_AGAIN_MILLIS: i64 = 60_000;

/// A set this old is fetched anew in the background, so that keys taken out of it go out of use.
const STALE_MILLIS: i64 = 15 * 60_000;

const NEVER: i64 = i64::MIN;

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_SET_BYTES: u64 = 256 << 10;
const MIN_RSA_BYTES: usize = 256;
const P256_COORDINATE_BYTES: usize = 32;

/// Where a key set is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksSource {
    /// A file in the form of a JSON Web Key Set (RFC 7517).
    File(PathBuf),
    /// An `http` or `https` URL that answers with such a set.
    Url(String),
}

impl JwksSource {
    /// Takes a text that begins with `http://` or `https://` for a URL, any other for a file's
    /// path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("https://") || text.starts_with("http://") {
            Self::Url(text.to_owned())
        } else {
            Self::File(text.into())
        }
    }
}

/// Why a key set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file could not be read.
    #[error("the key set's file could not be read")]
    Read(#[source] std::io::Error),
    /// The URL did not answer, or answered with an error.
    #[error("the key set could not be fetched")]
    Fetch(#[source] Box<ureq::Error>),
    /// The set has more than 256 KiB.
    #[error("the key set is larger than {MAX_SET_BYTES} bytes")]
    TooLarge,
    /// The text is not a JSON object of the form `{"keys":[…]}`.
    #[error("the key set is not a JSON Web Key Set")]
    Parse(#[source] serde_json::Error),
    /// No key of the set can be used: none is an RS256, ES256 or EdDSA key for signatures.
    #[error("the key set holds no RS256, ES256 or EdDSA key for signatures")]
    Empty,
}

/// A public key and the one algorithm that it is for.
pub(super) struct PinnedKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    /// The key as JSON text, by which a change of the set is noticed.
    identity: String,
}

#[derive(Default)]
struct KeySet {
    by_kid: HashMap<String, Arc<PinnedKey>>,
    all: Vec<Arc<PinnedKey>>,
}

/// A cached key set that refreshes itself.
pub struct Jwks {
    source: JwksSource,
    keys: RwLock<KeySet>,
    generation: AtomicU64,
    /// When an unknown `kid` last made us fetch the set.
    asked_at_millis: AtomicI64,
    /// When the set last became too old, counted from its first use.
    renewed_at_millis: AtomicI64,
    asking: tokio::sync::Mutex<()>,
}

impl Jwks {
    /// The algorithms that a key of the set may have.
    pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

    /// Makes an empty set: call [`refresh`](Self::refresh) once at the start, to learn of errors
    /// early.
    #[must_use]
    pub fn new(source: JwksSource) -> Arc<Self> {
        Arc::new(Self {
            source,
            keys: RwLock::default(),
            generation: AtomicU64::new(0),
            asked_at_millis: AtomicI64::new(NEVER),
            renewed_at_millis: AtomicI64::new(NEVER),
            asking: tokio::sync::Mutex::new(()),
        })
    }

    /// Reads the set anew and returns the number of its usable keys. Blocks for up to 5 s.
    ///
    /// # Errors
    /// [`JwksError`]; the set that was there before stays.
    pub fn refresh(&self) -> Result<usize, JwksError> {
        let set = parse(&self.read()?)?;
        let count = set.all.len();
        let mut keys = self.keys.write();
        let is_same = keys.all.len() == count
            && keys.all.iter().zip(&set.all).all(|(old, new)| old.identity == new.identity);
        if !is_same {
            *keys = set;
            self.generation.fetch_add(1, Ordering::Release);
        }
        Ok(count)
    }

    /// A number that grows with each change of the set.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Finds the key with this `kid`; without a `kid`, the only key of this algorithm.
    pub(super) async fn find(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Option<Arc<PinnedKey>> {
        if let Some(key) = self.known(kid, algorithm) {
            self.refresh_if_stale(now);
            return Some(key);
        }
        // Those who wait here find what the first of them fetched.
        let turn = self.asking.lock().await;
        if let Some(key) = self.known(kid, algorithm) {
            return Some(key);
        }
        if is_due(&self.asked_at_millis, now, ASK_AGAIN_MILLIS) {
            self.refresh_elsewhere().await.ok();
        }
        drop(turn);
        self.known(kid, algorithm)
    }

    fn known(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<PinnedKey>> {
        let keys = self.keys.read();
        match kid {
            Some(kid) => keys.by_kid.get(kid).cloned(),
            None => {
                let mut fitting = keys.all.iter().filter(|key| key.algorithm == algorithm);
                fitting.next().filter(|_| fitting.next().is_none()).cloned()
            }
        }
    }

    fn refresh_if_stale(self: &Arc<Self>, now: Timestamp) {
        let renewed = &self.renewed_at_millis;
        if renewed.load(Ordering::Acquire) == NEVER {
            renewed.store(now.as_millis(), Ordering::Release);
        } else if is_due(renewed, now, STALE_MILLIS) {
            drop(self.refresh_elsewhere());
        }
    }

    /// Refreshes on a thread that may block; the refresh finishes even if nobody waits for it any
    /// more.
    fn refresh_elsewhere(self: &Arc<Self>) -> actix_rt::task::JoinHandle<()> {
        let this = Arc::clone(self);
        actix_rt::task::spawn_blocking(move || {
            if let Err(error) = this.refresh() {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "the key set stays as it was");
            }
        })
    }

    fn read(&self) -> Result<Vec<u8>, JwksError> {
        let bytes = match &self.source {
            JwksSource::File(path) => std::fs::read(path).map_err(JwksError::Read)?,
            JwksSource::Url(url) => fetch(url).map_err(|error| JwksError::Fetch(error.into()))?,
        };
        if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_SET_BYTES) {
            Ok(bytes)
        } else {
            Err(JwksError::TooLarge)
        }
    }
}

/// Whether `wait_millis` have passed since `last`. If so, sets `last` to `now`, so that of several
/// callers at once only one is told so.
fn is_due(last: &AtomicI64, now: Timestamp, wait_millis: i64) -> bool {
    let now = now.as_millis();
    let due = |last: i64| (last.saturating_add(wait_millis) <= now).then_some(now);
    last.fetch_update(Ordering::AcqRel, Ordering::Acquire, due).is_ok()
}

fn fetch(url: &str) -> Result<Vec<u8>, ureq::Error> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(FETCH_TIMEOUT)).build().into();
    // One byte more than is taken, so that too much is seen to be too much.
    agent.get(url).call()?.body_mut().with_config().limit(MAX_SET_BYTES + 1).read_to_vec()
}

fn parse(bytes: &[u8]) -> Result<KeySet, JwksError> {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<Value>,
    }
    let Keys { keys } = serde_json::from_slice(bytes).map_err(JwksError::Parse)?;
    let mut set = KeySet::default();
    for value in keys {
        // Keys of other kinds may stand beside ours; they are ignored.
        let identity = value.to_string();
        let Some((kid, algorithm, key)) = serde_json::from_value(value).ok().and_then(pin) else {
            continue;
        };
        let key = Arc::new(PinnedKey { algorithm, key, identity });
        if let Some(kid) = kid {
            set.by_kid.insert(kid, Arc::clone(&key));
        }
        set.all.push(key);
    }
    if set.all.is_empty() { Err(JwksError::Empty) } else { Ok(set) }
}

/// The one algorithm that a public key may be used with here. Shared secrets (`oct`) have no place
/// in a set that is public.
fn pin(jwk: Jwk) -> Option<(Option<String>, Algorithm, DecodingKey)> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (algorithm, named) = if let AlgorithmParameters::RSA(rsa) = &jwk.algorithm {
        let modulus = bytes(&rsa.n)?;
        let leading_zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let is_long = modulus.len() - leading_zeros >= MIN_RSA_BYTES;
        is_long.then_some((Algorithm::RS256, KeyAlgorithm::RS256))?
    } else if let AlgorithmParameters::EllipticCurve(ec) = &jwk.algorithm {
        let is_p256 = ec.curve == EllipticCurve::P256
            && [&ec.x, &ec.y]
                .into_iter()
                .all(|part| bytes(part).is_some_and(|b| b.len() == P256_COORDINATE_BYTES));
        is_p256.then_some((Algorithm::ES256, KeyAlgorithm::ES256))?
    } else if let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm {
        let is_ed25519 = pair.curve == EllipticCurve::Ed25519;
        is_ed25519.then_some((Algorithm::EdDSA, KeyAlgorithm::EdDSA))?
    } else {
        return None;
    };
    let common = &jwk.common;
    let is_for_this = common.key_algorithm.is_none_or(|said| said == named)
        && common.public_key_use.as_ref().is_none_or(|said| *said == PublicKeyUse::Signature);
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| is_for_this)?;
    Some((jwk.common.key_id, algorithm, key))
}
