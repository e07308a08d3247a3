//! Ed25519 signatures (RFC 8032) of receipts: by dalek, or by aws-lc with the feature `aws-lc`.
//!
//! Signing is deterministic, so both give the same signature with the same key; in a build with the
//! feature, a test compares them. Every build checks receipts with dalek.

use ed25519_dalek::{SIGNATURE_LENGTH, Signature, VerifyingKey};

#[cfg(feature = "aws-lc")]
pub(super) use by_aws_lc::Signer;
#[cfg(not(feature = "aws-lc"))]
pub(super) use by_dalek::Signer;

/// A signature of 64 bytes, as it stands in a receipt.
pub(super) type SignatureBytes = [u8; SIGNATURE_LENGTH];

/// Whether `signature` was made of `message` with the secret half of `public_key`.
pub(super) fn is_signed_by(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = public_key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok());
    let signature = Signature::from_slice(signature).ok();
    key.zip(signature).is_some_and(|(key, signature)| {
        // Strict: refuses keys of small order, with which one signature is valid for many messages.
        key.verify_strict(message, &signature).is_ok()
    })
}

#[cfg(any(not(feature = "aws-lc"), test))]
mod by_dalek {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::SignatureBytes;

    /// Signs with one key, by dalek.
    pub(in crate::receipt) struct Signer(SigningKey);

    impl Signer {
        pub(in crate::receipt) fn of(seed: &[u8; 32]) -> Self {
            Self(SigningKey::from_bytes(seed))
        }

        pub(in crate::receipt) fn public_key(&self) -> [u8; 32] {
            self.0.verifying_key().to_bytes()
        }

        pub(in crate::receipt) fn sign(&self, message: &[u8]) -> SignatureBytes {
            self.0.sign(message).to_bytes()
        }
    }
}

#[cfg(feature = "aws-lc")]
mod by_aws_lc {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::SignatureBytes;

    /// Signs with one key, by aws-lc.
    pub(in crate::receipt) struct Signer(Ed25519KeyPair);

    impl Signer {
        pub(in crate::receipt) fn of(seed: &[u8; 32]) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed"))
        }

        pub(in crate::receipt) fn public_key(&self) -> [u8; 32] {
            self.0.public_key().as_ref().try_into().expect("a public key has 32 bytes")
        }

        pub(in crate::receipt) fn sign(&self, message: &[u8]) -> SignatureBytes {
            self.0.sign(message).as_ref().try_into().expect("a signature has 64 bytes")
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The first three vectors of RFC 8032, 7.1: seed, public key, message, signature.
    const VECTORS: [[&str; 4]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        HEXLOWER.decode(hex.as_bytes()).expect("it is hexadecimal")
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        for [seed, public_key, message, signature] in VECTORS.map(|vector| vector.map(bytes)) {
            let signer = Signer::of(&seed.try_into().expect("a seed has 32 bytes"));
            assert_eq!(signer.public_key()[..], public_key);
            assert_eq!(signer.sign(&message)[..], signature);
            assert!(is_signed_by(&public_key, &message, &signature));
            let other = [&message[..], b"."].concat();
            assert!(!is_signed_by(&public_key, &other, &signature));
        }
    }

    #[test]
    fn what_is_no_key_or_no_signature_fits_nothing() {
        let [_, public_key, message, signature] = VECTORS[1].map(bytes);
        assert!(!is_signed_by(&public_key[1..], &message, &signature));
        assert!(!is_signed_by(&public_key, &message, &signature[1..]));
        assert!(!is_signed_by(&public_key, &message, &[]));
        // The neutral element as a key: without the check of its order, it would sign every
        // message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let signature = [&neutral[..], &[0; 32]].concat();
        assert!(!is_signed_by(&neutral, &message, &signature));
    }

    #[cfg(feature = "aws-lc")]
    #[test]
    fn dalek_and_aws_lc_sign_alike() {
        for number in 0..200_u32 {
            let seed = blake3::hash(&number.to_le_bytes());
            let message: Vec<u8> = seed.as_bytes().repeat(32)[..number as usize * 5].to_vec();
            let (one, other) =
                (by_dalek::Signer::of(seed.as_bytes()), by_aws_lc::Signer::of(seed.as_bytes()));
            assert_eq!(one.public_key(), other.public_key());
            assert_eq!(one.sign(&message), other.sign(&message), "{number}");
        }
    }
}
