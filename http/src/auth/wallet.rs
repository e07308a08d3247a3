//! Wallet addresses, and the signers of messages (EIP-191, `personal_sign`).

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};

/// An Ethereum address. Shown with the capitals that are its checksum (EIP-55).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It is not `0x` and 40 hexadecimal digits.
    #[error("must be 0x and 40 hexadecimal digits")]
    Form,
    /// Its upper- and lower-case letters are not those of the checksum: most likely a typing error.
    #[error("has a wrong checksum (EIP-55): check for typing errors")]
    Checksum,
}

/// Why a signature has no signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASignature {
    /// It is not 65 bytes in hexadecimal.
    #[error("must be 65 bytes in hexadecimal: r, s and v")]
    Form,
    /// Its `v` is none of 27, 28, 0 and 1.
    #[error("ends in a v that is none of 27, 28, 0, 1")]
    RecoveryId,
    /// Its `s` is in the upper half (EIP-2), as in the twin of a proper signature that anyone can
    /// make without the key.
    #[error("has an s in the upper half (EIP-2)")]
    HighS,
    /// No key could have made it.
    #[error("is not a valid signature")]
    Invalid,
}

impl Address {
    /// The address of a public key.
    fn of(key: &VerifyingKey) -> Self {
        let point = key.to_encoded_point(false);
        let hash: [u8; 32] = Keccak256::digest(&point.as_bytes()[1..]).into();
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Self(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let lower: Vec<u8> = digits.map(|digit| b"0123456789abcdef"[usize::from(digit)]).collect();
        let hash: [u8; 32] = Keccak256::digest(&lower).into();
        f.write_str("0x")?;
        for (i, digit) in lower.iter().enumerate() {
            let nibble = (hash[i / 2] >> (4 * (1 - i % 2))) & 15;
            let shown = if nibble >= 8 { digit.to_ascii_uppercase() } else { *digit };
            fmt::Write::write_char(f, char::from(shown))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    /// Letters all in lower case or all in upper case carry no checksum and pass; a mixture must be
    /// right.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let digits = text.strip_prefix("0x").ok_or(NotAnAddress::Form)?;
        let address = Self(from_hex(digits).ok_or(NotAnAddress::Form)?);
        let is_mixed = digits.bytes().any(|byte| byte.is_ascii_lowercase())
            && digits.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_mixed && address.to_string() != text {
            return Err(NotAnAddress::Checksum);
        }
        Ok(address)
    }
}

/// Recovers the address whose key signed `message` with `personal_sign`.
///
/// The caller compares it with the address that was claimed, and makes sure that the message names
/// what is agreed to and can't be used twice.
///
/// # Errors
/// [`NotASignature`], also for the malleable twin of a proper signature: one message and one key
/// give one accepted signature.
pub fn recover(message: &str, signature_hex: &str) -> Result<Address, NotASignature> {
    let digits = signature_hex.strip_prefix("0x").unwrap_or(signature_hex);
    let bytes: [u8; 65] = from_hex(digits).ok_or(NotASignature::Form)?;
    let parity = match bytes[64] {
        0 | 27 => 0,
        1 | 28 => 1,
        _ => return Err(NotASignature::RecoveryId),
    };
    let recovery = RecoveryId::from_byte(parity).ok_or(NotASignature::RecoveryId)?;
    let signature = Signature::from_slice(&bytes[..64]).map_err(|_| NotASignature::Invalid)?;
    if signature.normalize_s().is_some() {
        return Err(NotASignature::HighS);
    }
    let key = VerifyingKey::recover_from_prehash(&message_hash(message), &signature, recovery)
        .map_err(|_| NotASignature::Invalid)?;
    Ok(Address::of(&key))
}

/// The hash that `personal_sign` signs: its prefix keeps a message from being a transaction.
fn message_hash(message: &str) -> [u8; 32] {
    Keccak256::new()
        .chain_update(b"\x19Ethereum Signed Message:\n")
        .chain_update(message.len().to_string())
        .chain_update(message)
        .finalize()
        .into()
}

fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != 2 * N || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;

    use super::*;

    /// The examples of EIP-55.
    const CHECKSUMMED: [&str; 8] = [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn addresses_carry_their_checksum() {
        for text in CHECKSUMMED {
            let address: Address = text.parse().expect("an address of EIP-55");
            assert_eq!(address.to_string(), text);
            assert_eq!(text.to_ascii_lowercase().parse(), Ok(address));
        }
        let wrong = [
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", NotAnAddress::Checksum),
            ("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", NotAnAddress::Form),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", NotAnAddress::Form),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", NotAnAddress::Form),
            ("0xäaAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", NotAnAddress::Form),
            ("", NotAnAddress::Form),
        ];
        for (text, expected) in wrong {
            assert_eq!(text.parse::<Address>(), Err(expected), "{text}");
        }
    }

    /// From the documentation of web3.js (`eth.accounts.sign` and `recover`).
    const SIGNER: &str = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23";
    const SIGNATURE: &str = "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd\
                             6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c";

    #[test]
    fn a_published_signature_names_its_signer() {
        assert_eq!(recover("Some data", SIGNATURE).map(|a| a.to_string()), Ok(SIGNER.to_owned()));
        let with_parity = format!("{}01", &SIGNATURE[2..130]);
        assert_eq!(recover("Some data", &with_parity), recover("Some data", SIGNATURE));
        assert_ne!(recover("Some data!", SIGNATURE), recover("Some data", SIGNATURE));
    }

    #[test]
    fn whoever_signs_is_found_whatever_the_message() {
        let key = SigningKey::from_slice(&[7; 32]).expect("a key");
        for message in ["", "a", "Köln 🌍", &"long ".repeat(1000)] {
            let (signature, recovery) =
                key.sign_prehash_recoverable(&message_hash(message)).expect("a signature");
            let mut bytes = signature.to_bytes().to_vec();
            bytes.push(27 + recovery.to_byte());
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(recover(message, &hex), Ok(Address::of(key.verifying_key())));
        }
    }

    #[test]
    fn the_malleable_twin_is_refused() {
        let bytes: [u8; 65] = from_hex(&SIGNATURE[2..]).expect("hexadecimal");
        let signature = Signature::from_slice(&bytes[..64]).expect("a signature");
        let twin = Signature::from_scalars(signature.r().to_bytes(), (-*signature.s()).to_bytes())
            .expect("a signature");
        let hex: String = twin.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(recover("Some data", &format!("0x{hex}1b")), Err(NotASignature::HighS));
    }

    #[test]
    fn what_is_no_signature_is_told_apart() {
        let zeros = "0".repeat(128);
        let table = [
            ("0x".to_owned(), NotASignature::Form),
            (SIGNATURE[..130].to_owned(), NotASignature::Form),
            (format!("{}zz", &SIGNATURE[..130]), NotASignature::Form),
            (format!("{}02", &SIGNATURE[..130]), NotASignature::RecoveryId),
            (format!("{zeros}1b"), NotASignature::Invalid),
        ];
        for (hex, expected) in table {
            assert_eq!(recover("Some data", &hex), Err(expected), "{hex}");
        }
    }
}
