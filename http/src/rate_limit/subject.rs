//! The subject of a rate limit: the caller whose requests are counted together.

use std::sync::Arc;

use priv_domain::Environment;
use priv_domain::id::KeyId;

use super::address_block::AddressBlock;

/// A caller whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An API key, by its id.
    Key(KeyId),
    /// A signed-in person in one environment.
    Person {
        /// The person's user id.
        sub: Arc<str>,
        /// The environment in which they act.
        environment: Environment,
    },
    /// A client without a credential, by its address.
    Address(AddressBlock),
}

const KEY: u8 = b'k';
const PERSON_LIVE: u8 = b'p';
const PERSON_TEST: u8 = b't';
const V4: u8 = b'4';
const V6: u8 = b'6';

impl Subject {
    /// Bytes for storing, which [`from_bytes`](Self::from_bytes) of all later versions must read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let key_bits;
        let (tag, rest): (u8, &[u8]) = match self {
            Self::Key(id) => {
                key_bits = id.get().to_be_bytes();
                (KEY, &key_bits)
            }
            Self::Person { sub, environment: Environment::Live } => (PERSON_LIVE, sub.as_bytes()),
            Self::Person { sub, environment: Environment::Test } => (PERSON_TEST, sub.as_bytes()),
            Self::Address(AddressBlock::V4(bytes)) => (V4, bytes),
            Self::Address(AddressBlock::V6(bytes)) => (V6, bytes),
        };
        [&[tag], rest].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` if the bytes are anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let person = |environment| {
            let sub = std::str::from_utf8(rest).ok()?;
            Some(Self::Person { sub: sub.into(), environment })
        };
        match *tag {
            KEY => Some(Self::Key(KeyId::new(u128::from_be_bytes(rest.try_into().ok()?)))),
            PERSON_LIVE => person(Environment::Live),
            PERSON_TEST => person(Environment::Test),
            V4 => Some(Self::Address(AddressBlock::V4(rest.try_into().ok()?))),
            V6 => Some(Self::Address(AddressBlock::V6(rest.try_into().ok()?))),
            _ => None,
        }
    }
}
