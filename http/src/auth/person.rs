//! Signed-in people, and the reasons for which a token signs nobody in.

use std::sync::Arc;

use priv_domain::project::Plan;

use super::naming::NotAUserId;

/// A person whom a valid token signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The `sub` of their token, which is their user id.
    pub sub: Arc<str>,
    /// The plan in `app_metadata.plan`; `None` if the token names none.
    pub plan: Option<Plan>,
    /// Whether they are an operator too, by `app_metadata.role`.
    pub standing: Standing,
}

/// A person's standing in the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They may reach their own data only.
    User,
    /// They may do what operators do, too.
    Operator,
}

/// Why a token signs nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is no JWT, or a claim has another type than it must have.
    #[error("The token is not a JWT that can be read")]
    Malformed,
    /// Its algorithm is `none`, or one for which there is no trusted key.
    #[error("The token is signed with an algorithm that is not accepted here")]
    Algorithm,
    /// There is no key with its `kid`.
    #[error("The token is signed with a key that is not known here")]
    UnknownKey,
    /// It was signed with another key, or changed since.
    #[error("The token's signature is wrong")]
    Signature,
    /// It is past its `exp`.
    #[error("The token has expired: sign in again")]
    Expired,
    /// It is before its `nbf`.
    #[error("The token is not valid yet")]
    NotYetValid,
    /// It has no `exp`.
    #[error("The token never expires, which is not accepted")]
    NoExpiry,
    /// Its `aud` names another audience.
    #[error("The token is for another audience")]
    Audience,
    /// Its `iss` names another issuer.
    #[error("The token is from another issuer")]
    Issuer,
    /// Its `sub` is not a valid id of a person.
    #[error("The token's subject {0}")]
    Subject(NotAUserId),
    /// Neither a secret nor a key set is configured.
    #[error("Tokens are not accepted here: no secret and no key set is configured")]
    NotConfigured,
}
