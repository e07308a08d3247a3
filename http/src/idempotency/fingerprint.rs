//! Hashes by which request bodies are told apart.

use std::fmt;

/// The first 128 bits of a body's BLAKE3 hash. It is stored with answers, so it must be the same in
/// every version of the service.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(pub(crate) [u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The fingerprint of a body after decompression.
pub(crate) fn fingerprint(body: &[u8]) -> Fingerprint {
    let mut bits = [0; 16];
    blake3::Hasher::new().update(body).finalize_xof().fill(&mut bits);
    Fingerprint(bits)
}
