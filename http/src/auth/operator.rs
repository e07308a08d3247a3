//! The operator's token: one secret of the whole installation.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Recognises the operator's token, of which it keeps only hash and length.
pub struct OperatorToken {
    sha256: [u8; 32],
    bytes: usize,
}

impl OperatorToken {
    /// Takes the configured token.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self { sha256: Sha256::digest(token).into(), bytes: token.len() }
    }

    /// Whether `token` is the operator's. The time that this takes reveals its length at most.
    #[must_use]
    pub fn matches(&self, token: &str) -> bool {
        // The length first: people's tokens come here too, and hashing each would cost them.
        token.len() == self.bytes
            && bool::from(<[u8; 32]>::from(Sha256::digest(token)).ct_eq(&self.sha256))
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_matches() {
        let operator = OperatorToken::new("op_secret_0123456789");
        assert!(operator.matches("op_secret_0123456789"));
        for other in ["", "op_secret_012345678", "op_secret_0123456780", "OP_SECRET_0123456789"] {
            assert!(!operator.matches(other), "{other}");
        }
    }
}
