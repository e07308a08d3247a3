//! Who calls, and with what right.
//!
//! The edge resolves the credential of every request once into a [`Principal`]. Handlers name the
//! right that they need by the type of an argument ([`PersonCaller`], [`OperatorCaller`],
//! [`IngestKey`], [`ScopedKey`], [`UserCaller`], [`AnyCaller`]): data can't be reached without one.
//! What a caller may do with a particular thing (is it theirs?) is for the handler to ask.

mod caller;
mod credential;
mod jwks;
mod key;
mod naming;
mod operator;
mod principal;
pub mod proof;
#[cfg(test)]
pub(crate) mod testing;
mod token;
mod token_cache;
pub mod wallet;

pub use caller::{
    Access, AnalyticsRead, AnyCaller, BillingManage, EventsRead, EventsWrite, IngestKey,
    OperatorCaller, PersonCaller, Read, Right, ScopedKey, UserCaller, Write,
};
pub use jwks::{Jwks, JwksError, JwksSource};
pub use key::{KeyInfo, KeyLookup, NewKey, hash_key, key_from_seed, key_prefix, looks_like_key};
pub use naming::{NamedUser, NotAUserId, PersonIds, UserNaming, as_uuid, check_user_id, user_of};
pub use operator::OperatorToken;
pub use principal::{Authenticator, Identity, Principal, Refusal};
pub use token::{BadToken, Person, Standing, TokenRules, TokenVerifier};
