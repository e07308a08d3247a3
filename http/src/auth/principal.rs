//! Resolves a request's credential to a caller.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use priv_domain::{Environment, Timestamp};

use super::credential::Credential;
use super::key::{KeyInfo, KeyLookup, hash_key, looks_like_key};
use super::operator::OperatorToken;
use super::person::{BadToken, Person};
use super::token::TokenVerifier;
use crate::error::ApiError;

/// The header by which signed-in people choose their environment.
const ENVIRONMENT: &str = "x-priv-environment";

/// The caller, as their credential tells.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Somebody without a credential, known by their address only.
    Anonymous(IpAddr),
    /// A project, by one of its keys.
    Key(Arc<KeyInfo>),
    /// A person whom a valid token signs in.
    Person(Arc<Person>),
    /// Whoever holds the operator's token.
    Operator,
    /// Somebody whose credential is not accepted. This is not an answer yet: a route that needs no
    /// credential may serve them all the same, and the right error depends on what the route takes.
    Refused(Refusal),
}

/// Why a credential is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is, or should be, an API key, but not one in force.
    Key,
    /// It is a JWT that signs nobody in.
    Token(BadToken),
    /// `X-Priv-Environment` names no environment.
    Environment,
}

impl Refusal {
    /// The error of a route that takes a key.
    #[must_use]
    pub fn where_a_key_will_do(self) -> ApiError {
        match self {
            Self::Key => ApiError::invalid_api_key("The provided API key is invalid"),
            Self::Token(why) => ApiError::unauthorized(why.to_string()),
            Self::Environment => bad_environment(),
        }
    }

    /// The error of a route that needs a signed-in person.
    #[must_use]
    pub fn where_a_person_is_needed(self) -> ApiError {
        match self {
            Self::Key => ApiError::unauthorized(
                "User authentication required: send the person's JWT as Authorization: Bearer",
            ),
            Self::Token(why) => ApiError::unauthorized(why.to_string()),
            Self::Environment => bad_environment(),
        }
    }
}

fn bad_environment() -> ApiError {
    ApiError::invalid_field("X-Priv-Environment", "must be live or test")
}

/// The caller, and the environment in which they act.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The caller, as their credential tells.
    pub principal: Principal,
    /// A key's own environment; for people and anonymous callers the one that `X-Priv-Environment`
    /// names, live if it names none.
    pub environment: Environment,
}

/// Recognises keys, people and the operator.
pub struct Authenticator {
    keys: Arc<dyn KeyLookup>,
    tokens: Option<TokenVerifier>,
    operator: Option<OperatorToken>,
}

impl Authenticator {
    /// Without `tokens` nobody can sign in; without `operator` there is no operator's token.
    #[must_use]
    pub fn new(
        keys: Arc<dyn KeyLookup>,
        tokens: Option<TokenVerifier>,
        operator: Option<OperatorToken>,
    ) -> Self {
        Self { keys, tokens, operator }
    }

    /// Resolves the caller from the headers, or from `query_key` if there is no `Authorization`
    /// header and the route takes `?key=`.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        query_key: Option<&str>,
        address: IpAddr,
        now: Timestamp,
    ) -> Identity {
        let principal = match (Credential::of(headers), query_key) {
            (Credential::None, None) => Principal::Anonymous(address),
            (Credential::None, Some(key)) => self.by_key(key, now),
            (Credential::Unreadable, _) => Principal::Refused(Refusal::Key),
            (Credential::Token(token), _) => self.by_token(&token, now).await,
        };
        in_environment(principal, headers)
    }

    /// The key with this text, if it is in force at `now`.
    #[must_use]
    pub fn find_key(&self, key: &str, now: Timestamp) -> Option<Arc<KeyInfo>> {
        if !looks_like_key(key) {
            return None;
        }
        self.keys.find(&hash_key(key)).filter(|key| key.is_in_force(now))
    }

    fn by_key(&self, key: &str, now: Timestamp) -> Principal {
        self.find_key(key, now).map_or(Principal::Refused(Refusal::Key), Principal::Key)
    }

    async fn by_token(&self, token: &str, now: Timestamp) -> Principal {
        if looks_like_key(token) {
            return self.by_key(token, now);
        }
        if self.operator.as_ref().is_some_and(|operator| operator.matches(token)) {
            return Principal::Operator;
        }
        // Whatever has a dot is meant as a JWT, however malformed: keys have none.
        if !token.contains('.') {
            return Principal::Refused(Refusal::Key);
        }
        let verified = match &self.tokens {
            Some(tokens) => tokens.verify(token, now).await,
            None => Err(BadToken::NotConfigured),
        };
        match verified {
            Ok(person) => Principal::Person(person),
            Err(why) => Principal::Refused(Refusal::Token(why)),
        }
    }
}

fn in_environment(principal: Principal, headers: &HeaderMap) -> Identity {
    if let Principal::Key(key) = &principal {
        return Identity { environment: key.environment, principal };
    }
    let said = headers.get(ENVIRONMENT).map(|value| value.as_bytes());
    match (said, principal) {
        (None | Some(b"live"), principal) => Identity { principal, environment: Environment::Live },
        (Some(b"test"), principal) => Identity { principal, environment: Environment::Test },
        (Some(_), principal @ Principal::Refused(_)) => {
            Identity { principal, environment: Environment::Live }
        }
        (Some(_), _) => Identity {
            principal: Principal::Refused(Refusal::Environment),
            environment: Environment::Live,
        },
    }
}
