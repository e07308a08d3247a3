//! The name of content: its SHA-256, written as a CIDv1.
//!
//! The CID is that of the whole content as one raw block, so anyone with the bytes can compute it,
//! and IPFS tools understand it. It is 36 fixed-format bytes in base32; the `cid` crate (with its
//! table of every base and a second generation of syn) would be more to build than this file.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

/// The head of every CID here: version 1, raw bytes, a SHA-256 of 32 bytes.
const CID_HEAD: [u8; 4] = [0x01, 0x55, 0x12, 0x20];
/// The multibase prefix of lower-case base32 without padding.
const BASE32: char = 'b';

/// The SHA-256 of some content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Takes a hash that was computed elsewhere.
    #[must_use]
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// Computes the hash of some content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The hash's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The CIDv1: `bafkrei…`, 59 characters.
    #[must_use]
    pub fn cid(&self) -> String {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&CID_HEAD);
        bytes[4..].copy_from_slice(&self.0);
        let mut cid = String::with_capacity(59);
        cid.push(BASE32);
        cid.push_str(&BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
        cid
    }

    /// Reads a CIDv1 of raw bytes; `None` unless it is written as [`ContentHash::cid`] writes it.
    #[must_use]
    pub fn from_cid(cid: &str) -> Option<Self> {
        let base32 = cid.strip_prefix(BASE32)?;
        if base32.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let bytes = BASE32_NOPAD.decode(base32.to_ascii_uppercase().as_bytes()).ok()?;
        bytes.strip_prefix(&CID_HEAD)?.try_into().ok().map(Self)
    }
}

impl From<[u8; 32]> for ContentHash {
    fn from(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }
}

/// Writes the 64 hexadecimal digits, in lower case.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    #[test]
    fn the_cid_is_the_one_that_ipfs_gives() {
        let hash = ContentHash::of(b"hello world");
        assert_eq!(hash.cid(), HELLO);
        assert_eq!(
            hash.to_string(),
            "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
        );
        assert_eq!(ContentHash::from_cid(HELLO), Some(hash));
    }

    #[test]
    fn only_its_own_writing_of_a_cid_is_read() {
        let upper = HELLO.to_ascii_uppercase();
        let padded = format!("{HELLO}a");
        let dag_pb = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        let v0 = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o";
        let hostile = ["", "b", "../../etc/passwd", "b/../..", &HELLO[..58], &upper, &padded];
        for cid in hostile.into_iter().chain([dag_pb, v0]) {
            assert_eq!(ContentHash::from_cid(cid), None, "{cid}");
        }
    }
}
