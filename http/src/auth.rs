//! Authentication: resolves who calls, and with what right.
//!
//! The middleware resolves the credential of every request once into a [`Principal`]; the
//! extractors of `extract::caller` name the right that a handler needs.

mod credential;
mod jwks;
mod key;
mod naming;
mod operator;
mod person;
mod principal;
pub mod proof;
#[cfg(test)]
pub(crate) mod testing;
mod token;
mod token_cache;
pub mod wallet;

pub use jwks::{Jwks, JwksError, JwksSource};
pub use key::{KeyInfo, KeyLookup, NewKey, hash_key, key_from_seed, key_prefix, looks_like_key};
pub use naming::{
    MAX_USER_ID_BYTES, NamedUser, NotAUserId, PersonIds, UserNaming, as_uuid, check_user_id,
    user_of,
};
pub use operator::OperatorToken;
pub use person::{BadToken, Person, Standing};
pub use principal::{Authenticator, Identity, Principal, Refusal};
pub use token::{TokenRules, TokenVerifier};
