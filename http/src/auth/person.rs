//! Signed-in people, and why a token signs no one in.

use std::sync::Arc;

use priv_domain::project::Plan;

use super::naming::NotAUserId;

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The `sub` of their token: their user id, as it is.
    pub sub: Arc<str>,
    /// `app_metadata.plan`, where the token says one.
    pub plan: Option<Plan>,
    /// `app_metadata.role`.
    pub standing: Standing,
}

/// What a person is to the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Someone with their own data only.
    User,
    /// Someone who also runs it.
    Operator,
}

/// Why a token signs no one in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// No JWT, or claims of other types than they must have.
    #[error("The token is not a JWT that can be read")]
    Malformed,
    /// `none`, or one that no trusted key is for.
    #[error("The token is signed with an algorithm that is not accepted here")]
    Algorithm,
    /// No key of this `kid`.
    #[error("The token is signed with a key that is not known here")]
    UnknownKey,
    /// Signed by someone else, or changed since.
    #[error("The token's signature is wrong")]
    Signature,
    /// Past `exp`.
    #[error("The token has expired: sign in again")]
    Expired,
    /// Before `nbf`.
    #[error("The token is not valid yet")]
    NotYetValid,
    /// No `exp`.
    #[error("The token never expires, which is not accepted")]
    NoExpiry,
    /// `aud` is for something else.
    #[error("The token is for another audience")]
    Audience,
    /// `iss` is someone else.
    #[error("The token is from another issuer")]
    Issuer,
    /// `sub` can't be a person.
    #[error("The token's subject {0}")]
    Subject(NotAUserId),
    /// Neither a secret nor a key set is configured.
    #[error("Tokens are not accepted here: no secret and no key set is configured")]
    NotConfigured,
}
