//! Remembers verified tokens, so that a person's next request needs no signature check.

use std::sync::Arc;

use dashmap::DashMap;
use priv_domain::Timestamp;

use super::person::{BadToken, Person};

/// A keyed hash of a token. It must be collision-resistant, since a hit is a sign-in.
pub(super) type TokenHash = [u8; 32];

pub(super) struct TokenCache {
    hash_key: [u8; 32],
    tokens: DashMap<TokenHash, Remembered>,
    capacity: usize,
}

struct Remembered {
    person: Arc<Person>,
    good_until: Timestamp,
    /// The generation of the key set that verified it; under a newer one it is verified anew.
    generation: u64,
}

/// What the cache knows of a token.
pub(super) enum Lookup {
    Verified(Arc<Person>),
    Expired,
    Unknown,
}

impl TokenCache {
    pub(super) fn new(capacity: usize) -> Self {
        let mut hash_key = [0; 32];
        getrandom::fill(&mut hash_key).expect("the system has random numbers");
        Self { hash_key, tokens: DashMap::new(), capacity }
    }

    pub(super) fn hash(&self, token: &str) -> TokenHash {
        *blake3::keyed_hash(&self.hash_key, token.as_bytes()).as_bytes()
    }

    pub(super) fn get(&self, hash: &TokenHash, generation: u64, now: Timestamp) -> Lookup {
        match self.tokens.get(hash) {
            Some(known) if known.generation != generation => Lookup::Unknown,
            Some(known) if now < known.good_until => Lookup::Verified(Arc::clone(&known.person)),
            Some(_) => Lookup::Expired,
            None => Lookup::Unknown,
        }
    }

    pub(super) fn put(
        &self,
        hash: TokenHash,
        person: Arc<Person>,
        good_until: Timestamp,
        generation: u64,
        now: Timestamp,
    ) {
        if self.tokens.len() >= self.capacity {
            self.make_room(now);
        }
        self.tokens.insert(hash, Remembered { person, good_until, generation });
    }

    /// Drops what has expired, and an arbitrary one in eight of the rest: forgetting a token costs
    /// a signature check, nothing else.
    fn make_room(&self, now: Timestamp) {
        let mut kept = 0usize;
        self.tokens.retain(|_, known| {
            kept += usize::from(now < known.good_until);
            now < known.good_until && !kept.is_multiple_of(8)
        });
    }
}

impl From<Lookup> for Option<Result<Arc<Person>, BadToken>> {
    fn from(lookup: Lookup) -> Self {
        match lookup {
            Lookup::Verified(person) => Some(Ok(person)),
            Lookup::Expired => Some(Err(BadToken::Expired)),
            Lookup::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Standing;

    #[test]
    fn the_cache_stays_within_its_capacity() {
        let cache = TokenCache::new(64);
        let person = Arc::new(Person { sub: "a".into(), plan: None, standing: Standing::User });
        let now = Timestamp::from_millis(1_000);
        for i in 0..1_000 {
            let hash = cache.hash(&i.to_string());
            cache.put(hash, Arc::clone(&person), now.plus_millis(1), 0, now);
            assert!(cache.tokens.len() <= 64);
            assert!(matches!(cache.get(&hash, 0, now), Lookup::Verified(_)));
        }
        assert!(cache.tokens.len() > 32, "most are kept");
    }
}
