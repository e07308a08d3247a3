//! Signed links to bought files. They are valid for a while without a credential: whoever has one
//! may read one file, as with a link into an object store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use priv_domain::contribution::MediaType;
use priv_domain::market::File;
use priv_domain::{ContributionId, Timestamp};
use sha2::Sha256;

/// Separates links from everything else that is ever signed with the same secret.
const PURPOSE: &[u8] = b"priv file link 1\0";

/// How long a link is valid, in milliseconds: 15 minutes.
pub(crate) const GOOD_MILLIS: i64 = 15 * 60 * 1_000;

const MAC_BYTES: usize = 32;
const TOKEN_BYTES: usize = 8 + 16 + 32 + 1 + MAC_BYTES;

/// Signs and checks links with one secret.
pub(crate) struct FileLinks {
    mac: Hmac<Sha256>,
}

/// The file that a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkedFile {
    pub(crate) contribution: ContributionId,
    pub(crate) sha256: [u8; 32],
    pub(crate) media_type: MediaType,
    pub(crate) expires_at: Timestamp,
}

/// Why a link is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLink {
    /// It was not signed by this server, or was changed since.
    Forged,
    /// It was valid once and has expired.
    Expired,
}

impl FileLinks {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self { mac }
    }

    /// Makes the last segment of a link's path.
    pub(crate) fn sign(&self, file: &File, expires_at: Timestamp) -> String {
        let mut token = Vec::with_capacity(TOKEN_BYTES);
        token.extend(expires_at.as_millis().to_be_bytes());
        token.extend(file.contribution.get().to_be_bytes());
        token.extend(file.sha256);
        let media_type = MediaType::ALL.iter().position(|known| *known == file.media_type);
        token.push(media_type.and_then(|index| u8::try_from(index).ok()).unwrap_or(u8::MAX));
        let mac = self.keyed(&token).finalize().into_bytes();
        token.extend(mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Returns the file that a link leads to, if the link is valid at `now`.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<LinkedFile, NoLink> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| NoLink::Forged)?;
        let bytes: [u8; TOKEN_BYTES] = bytes.try_into().map_err(|_| NoLink::Forged)?;
        let (signed, mac) = bytes.split_at(TOKEN_BYTES - MAC_BYTES);
        self.keyed(signed).verify_slice(mac).map_err(|_| NoLink::Forged)?;
        let (expires_at, rest) = signed.split_first_chunk::<8>().ok_or(NoLink::Forged)?;
        let (contribution, rest) = rest.split_first_chunk::<16>().ok_or(NoLink::Forged)?;
        let (sha256, rest) = rest.split_first_chunk::<32>().ok_or(NoLink::Forged)?;
        let media_type = rest.first().and_then(|index| MediaType::ALL.get(usize::from(*index)));
        let expires_at = Timestamp::from_millis(i64::from_be_bytes(*expires_at));
        if now >= expires_at {
            return Err(NoLink::Expired);
        }
        Ok(LinkedFile {
            contribution: ContributionId::new(u128::from_be_bytes(*contribution)),
            sha256: *sha256,
            media_type: *media_type.ok_or(NoLink::Forged)?,
            expires_at,
        })
    }

    fn keyed(&self, signed: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(PURPOSE).chain_update(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_until_its_time_and_not_when_a_byte_differs() {
        let links = FileLinks::new(&[7; 32]);
        let file = File {
            contribution: ContributionId::new(5),
            sha256: [1; 32],
            size: 9,
            media_type: MediaType::Ogg,
        };
        let expires_at = Timestamp::from_millis(1_000);
        let token = links.sign(&file, expires_at);
        let found = links.check(&token, Timestamp::from_millis(999)).expect("is good");
        assert_eq!((found.contribution, found.media_type), (file.contribution, MediaType::Ogg));
        assert_eq!(links.check(&token, expires_at), Err(NoLink::Expired));
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("it is ours");
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(links.check(&changed, Timestamp::EPOCH), Err(NoLink::Forged), "{index}");
        }
        let others = FileLinks::new(&[8; 32]);
        assert_eq!(others.check(&token, Timestamp::EPOCH), Err(NoLink::Forged));
    }
}
