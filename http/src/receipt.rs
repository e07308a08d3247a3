//! Receipts: facts about an agreement, signed so that anybody with the public key can check them
//! later, without this service. A receipt is a compact JWS (RFC 7515) with Ed25519 (RFC 8037);
//! `docs/receipts.md` lists the members. Signing is deterministic: the same facts give the same
//! receipt.

mod signer;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use signer::Signer;

/// The `typ` of a receipt's header.
pub const RECEIPT_TYPE: &str = "priv-receipt+jws";

/// The context from which the signing key is derived; changing it gives another key.
const KEY_CONTEXT: &str = "priv-protocol receipt signing key v1";

/// The key with which an installation signs its receipts.
pub struct ReceiptKey {
    key: Signer,
    id: String,
    /// The encoded header with its dot, which is the beginning of every receipt.
    head: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// A public key, as an entry of a JSON Web Key Set (RFC 7517, RFC 8037).
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct PublicKey {
    kty: String,
    crv: String,
    x: String,
    kid: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct KeySet {
    /// The keys, in any order; each has its `kid`.
    pub keys: Vec<PublicKey>,
}

/// Why a text is not a valid receipt.
#[derive(Debug, thiserror::Error)]
pub enum NotAReceipt {
    /// It is not three parts of base64url, or they don't hold what they must.
    #[error("this is not a receipt: {0}")]
    Malformed(&'static str),
    /// It is signed with another algorithm than EdDSA.
    #[error("the receipt's algorithm is {0}; receipts are signed with EdDSA only")]
    Algorithm(String),
    /// It is signed with a key that is not in the set.
    #[error("the receipt is signed with the key {0}, which is not among the known ones")]
    UnknownKey(String),
    /// It was changed since, or signed by somebody else.
    #[error("the signature does not fit: the receipt was changed, or is not ours")]
    Forged,
}

impl ReceiptKey {
    /// Derives an installation's key from its secret.
    #[must_use]
    pub fn of(server_secret: &[u8; 32]) -> Self {
        let seed = blake3::derive_key(KEY_CONTEXT, server_secret);
        let key = Signer::of(&seed);
        let id = key_id(&key.public_key());
        let (alg, kid, typ) = ("EdDSA".to_owned(), id.clone(), RECEIPT_TYPE.to_owned());
        let header = serde_json::to_vec(&Header { alg, kid, typ }).expect("three texts are JSON");
        Self { key, id, head: URL_SAFE_NO_PAD.encode(header) + "." }
    }

    /// Signs facts and returns the receipt.
    ///
    /// # Errors
    /// The facts can't be written as JSON.
    pub fn sign(&self, facts: &impl Serialize) -> Result<String, serde_json::Error> {
        let mut receipt = self.head.clone();
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(facts)?, &mut receipt);
        let signature = self.key.sign(receipt.as_bytes());
        receipt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut receipt);
        Ok(receipt)
    }

    /// The public key, with which others check receipts.
    #[must_use]
    pub fn public(&self) -> KeySet {
        KeySet {
            keys: vec![PublicKey {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                x: URL_SAFE_NO_PAD.encode(self.key.public_key()),
                kid: self.id.clone(),
                alg: Some("EdDSA".to_owned()),
                usage: Some("sig".to_owned()),
            }],
        }
    }
}

fn key_id(key: &[u8]) -> String {
    let hash = blake3::hash(key);
    URL_SAFE_NO_PAD.encode(&hash.as_bytes()[..12])
}

/// Returns the facts of a receipt that was signed with one of these keys.
///
/// # Errors
/// [`NotAReceipt`] if the text is not a receipt, or is not signed with one of the keys.
pub fn verify(receipt: &str, keys: &KeySet) -> Result<Value, NotAReceipt> {
    let mut parts = receipt.trim().split('.');
    let (Some(header), Some(facts), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(NotAReceipt::Malformed("it does not have three parts"));
    };
    let bytes = |text: &str| {
        URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAReceipt::Malformed("not base64url"))
    };
    let Header { alg, kid, typ } = serde_json::from_slice(&bytes(header)?)
        .map_err(|_| NotAReceipt::Malformed("its header is not one"))?;
    if alg != "EdDSA" {
        return Err(NotAReceipt::Algorithm(alg));
    }
    if typ != RECEIPT_TYPE {
        return Err(NotAReceipt::Malformed("it is signed for another use"));
    }
    let known = keys.keys.iter().find(|key| key.kid == kid && key.crv == "Ed25519");
    let key = known.ok_or(NotAReceipt::UnknownKey(kid))?;
    let signed = format!("{header}.{facts}");
    if !signer::is_signed_by(&bytes(&key.x)?, signed.as_bytes(), &bytes(signature)?) {
        return Err(NotAReceipt::Forged);
    }
    serde_json::from_slice(&bytes(facts)?).map_err(|_| NotAReceipt::Malformed("its facts"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_receipt_is_read_back_and_no_changed_or_foreign_one_is() {
        let key = ReceiptKey::of(&[1; 32]);
        let facts = json!({"kind": "purchase", "price_priv": 1.5});
        let receipt = key.sign(&facts).expect("signs");
        assert_eq!(receipt, key.sign(&facts).expect("signs"), "the same facts, the same receipt");
        assert_eq!(verify(&receipt, &key.public()).expect("is ours"), facts);
        for index in 0..receipt.len() {
            let mut changed = receipt.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(verify(&changed, &key.public()).is_err(), "{index}");
        }
        let others = ReceiptKey::of(&[2; 32]).public();
        assert!(matches!(verify(&receipt, &others), Err(NotAReceipt::UnknownKey(_))));
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"x","typ":"priv-receipt+jws"}"#);
        let rest = receipt.split_once('.').expect("has parts").1;
        let unsigned = format!("{none}.{rest}");
        assert!(matches!(verify(&unsigned, &key.public()), Err(NotAReceipt::Algorithm(_))));
    }
}
