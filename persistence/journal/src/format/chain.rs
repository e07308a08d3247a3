//! The chain: each group's hash covers the hash before it, so that nothing in the middle can be
//! changed, moved or left out unnoticed.
//!
//! The chain hashes a record's bytes from its position to the end of its core part, and then the
//! *hash* of its personal part. So the personal part can be replaced by its hash, and the chain
//! still holds. The core is never taken out, so hashing it on its own would buy nothing; hashing
//! its bytes in line is several times faster (`docs/journal.md`).

use std::fmt;

/// The BLAKE3 hash of everything in the journal up to the end of some group.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// Makes a hash from its 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash from which a new journal starts. Not a constant, because a client must not be able
    /// to guess it: see [`seal_of`].
    pub(crate) fn genesis() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let mut hasher = blake3::Hasher::new_derive_key("PRIV Protocol journal genesis v1");
        for salt in 0..4_u8 {
            hasher.update(&RandomState::new().hash_one(salt).to_le_bytes());
        }
        if let Ok(since) = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            hasher.update(&since.as_nanos().to_le_bytes());
        }
        hasher.update(&std::process::id().to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The seal that makes a group's header authentic: without knowing the hash from which the segment
/// starts, nobody can put bytes into a record that pass for the header of a group.
pub(crate) fn seal_of(start: &ChainHash, first: u64) -> u64 {
    let hash = blake3::keyed_hash(&start.0, &first.to_le_bytes());
    let (head, _) = hash.as_bytes().split_at(8);
    u64::from_le_bytes(head.try_into().expect("split at eight"))
}

/// Bytes of records that are gathered before they are hashed: BLAKE3 is fastest over long pieces,
/// and records are short.
const GATHER_BYTES: usize = 64 << 10;

/// Computes the hashes of groups one after the other, reusing one buffer.
#[derive(Debug)]
pub(crate) struct Chainer {
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
}

impl Chainer {
    pub(crate) fn new() -> Self {
        Self { hasher: blake3::Hasher::new(), gathered: Vec::with_capacity(GATHER_BYTES) }
    }

    pub(crate) fn begin(&mut self, previous: &ChainHash) {
        self.hasher.reset();
        self.gathered.clear();
        self.gathered.extend_from_slice(&previous.0);
    }

    /// Adds a record. `chained` is its bytes from the position to the end of the core, `personal`
    /// the hash of its personal part.
    pub(crate) fn record(&mut self, chained: &[u8], personal: Option<&[u8; 32]>) {
        if self.gathered.len() + chained.len() > GATHER_BYTES {
            self.flush();
        }
        if chained.len() > GATHER_BYTES {
            self.hasher.update(chained);
        } else {
            self.gathered.extend_from_slice(chained);
        }
        if let Some(hash) = personal {
            self.gathered.extend_from_slice(hash);
        }
    }

    pub(crate) fn end(&mut self, count: u32, last: u64) -> ChainHash {
        self.gathered.extend_from_slice(&count.to_le_bytes());
        self.gathered.extend_from_slice(&last.to_le_bytes());
        self.flush();
        ChainHash(*self.hasher.finalize().as_bytes())
    }

    fn flush(&mut self) {
        self.hasher.update(&self.gathered);
        self.gathered.clear();
    }
}
