//! What tells one body from another.

use std::fmt;

/// 128 bits that tell one body from another (BLAKE3, cut short). The same in every version of the
/// service: it is stored with the answer.
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
