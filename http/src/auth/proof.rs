//! A project's proof that one of its users may be linked to a signed-in person.
//!
//! The project's server asks for it with a secret key, hands it to the person's device, and the
//! person sends it with `POST /user/link`. It is signed with a secret of this server, contains
//! everything that it vouches for, and is valid for a short time. It is the link that takes effect
//! only once, not the proof that is used up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use priv_domain::id::ProjectId;
use priv_domain::{Environment, Timestamp};
use sha2::Sha256;

/// Separates proofs from everything else that is ever signed with the same secret.
const PURPOSE: &[u8] = b"priv link proof 1\0";

const MAC_BYTES: usize = 32;

/// The longest proof that is read, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// The facts that a proof vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkClaim {
    /// The environment of the user and of the person.
    pub environment: Environment,
    /// The project that vouches for its user.
    pub project: ProjectId,
    /// The project's user, as the text of a `UserRef`.
    pub user: String,
    /// The only person to whom the user may be linked; `None` allows any.
    pub person: Option<String>,
    /// When the proof expires.
    pub expires_at: Timestamp,
}

/// Why a text is not a valid proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAProof {
    /// It was not made by this server, or was changed since.
    #[error("is not a proof made here")]
    Forged,
    /// It was valid once and has expired.
    #[error("has expired: ask the project for another")]
    Expired,
}

/// Issues and verifies proofs with one secret.
pub struct LinkProofs {
    mac: Hmac<Sha256>,
}

impl LinkProofs {
    /// Takes the server's secret, of at least 32 random bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self { mac }
    }

    /// Makes a proof of the claim, as text that is safe in a URL and in a JSON string.
    #[must_use]
    pub fn issue(&self, claim: &LinkClaim) -> String {
        let mut bytes = encode(claim);
        let tag = self.tag(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the claim that a proof vouches for. The caller must compare it with the person and
    /// the environment of the request.
    ///
    /// # Errors
    /// [`NotAProof`]; the signature is checked first and in constant time.
    pub fn verify(&self, proof: &str, now: Timestamp) -> Result<LinkClaim, NotAProof> {
        if proof.len() > MAX_TEXT_BYTES {
            return Err(NotAProof::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(proof).map_err(|_| NotAProof::Forged)?;
        let claim_bytes = bytes.len().checked_sub(MAC_BYTES).ok_or(NotAProof::Forged)?;
        let (claim, tag) = bytes.split_at(claim_bytes);
        self.tag(claim).verify_slice(tag).map_err(|_| NotAProof::Forged)?;
        let claim = decode(claim).ok_or(NotAProof::Forged)?;
        if now >= claim.expires_at {
            return Err(NotAProof::Expired);
        }
        Ok(claim)
    }

    fn tag(&self, claim: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(PURPOSE).chain_update(claim)
    }
}

/// Environment, project, expiry, then each text after its length: no two claims are encoded alike.
fn encode(claim: &LinkClaim) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + claim.user.len());
    bytes.push(match claim.environment {
        Environment::Live => 0,
        Environment::Test => 1,
    });
    bytes.extend_from_slice(&claim.project.get().to_be_bytes());
    bytes.extend_from_slice(&claim.expires_at.as_millis().to_be_bytes());
    for text in [Some(&claim.user), claim.person.as_ref()].into_iter().flatten() {
        let length = u32::try_from(text.len()).expect("a user's name is far below 4 GiB");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn decode(mut bytes: &[u8]) -> Option<LinkClaim> {
    let environment = match take::<1>(&mut bytes)? {
        [0] => Environment::Live,
        [1] => Environment::Test,
        [_] => return None,
    };
    let project = ProjectId::new(u128::from_be_bytes(take(&mut bytes)?));
    let expires_at = Timestamp::from_millis(i64::from_be_bytes(take(&mut bytes)?));
    let user = take_text(&mut bytes)?;
    let person = if bytes.is_empty() { None } else { Some(take_text(&mut bytes)?) };
    bytes.is_empty().then_some(LinkClaim { environment, project, user, person, expires_at })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(u32::from_be_bytes(take(bytes)?)).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(person: Option<&str>) -> LinkClaim {
        LinkClaim {
            environment: Environment::Test,
            project: ProjectId::new(7),
            user: "proj_00000000000000000000000007/a/visitor-1".to_owned(),
            person: person.map(str::to_owned),
            expires_at: Timestamp::from_millis(10_000),
        }
    }

    const BEFORE: Timestamp = Timestamp::from_millis(9_999);

    #[test]
    fn a_proof_says_what_was_claimed_until_it_expires() {
        let proofs = LinkProofs::new(&[1; 32]);
        for claim in [claim(None), claim(Some("6f1c9d0e")), claim(Some(""))] {
            let proof = proofs.issue(&claim);
            assert_eq!(proofs.verify(&proof, BEFORE), Ok(claim.clone()));
            assert_eq!(proofs.verify(&proof, claim.expires_at), Err(NotAProof::Expired));
        }
    }

    #[test]
    fn whatever_was_changed_is_refused() {
        let proofs = LinkProofs::new(&[1; 32]);
        let proof = proofs.issue(&claim(Some("6f1c9d0e")));
        let bytes = URL_SAFE_NO_PAD.decode(&proof).expect("base64");
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(proofs.verify(&changed, BEFORE), Err(NotAProof::Forged), "byte {i}");
        }
        for length in 0..bytes.len() {
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            assert_eq!(proofs.verify(&cut, BEFORE), Err(NotAProof::Forged), "{length} bytes");
        }
        let others = LinkProofs::new(&[2; 32]).issue(&claim(None));
        for text in ["", "=", "ä", &"A".repeat(10_000), &others] {
            assert_eq!(proofs.verify(text, BEFORE), Err(NotAProof::Forged), "{text}");
        }
    }
}
