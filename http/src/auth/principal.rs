//! From a request's credential to a caller.

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

/// The header by which a signed-in person chooses their environment.
const ENVIRONMENT: &str = "x-priv-environment";

/// Who calls.
#[derive(Clone, Debug)]
pub enum Principal {
    /// No one in particular.
    Anonymous(IpAddr),
    /// A project, by one of its keys.
    Key(Arc<KeyInfo>),
    /// A signed-in person.
    Person(Arc<Person>),
    /// Whoever holds the operator's token.
    Operator,
    /// Someone whose credential is no good. Not an answer yet: a route that needs none may serve
    /// them all the same, and the right code depends on what the route would have taken.
    Refused(Refusal),
}

/// Why a credential is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is (or should be) an API key, and none that is in force.
    Key,
    /// It is a JWT, and a bad one.
    Token(BadToken),
    /// `X-Priv-Environment` names no environment.
    Environment,
}

impl Refusal {
    /// What it means where a key will do.
    #[must_use]
    pub fn where_a_key_will_do(self) -> ApiError {
        match self {
            Self::Key => ApiError::invalid_api_key("The provided API key is invalid"),
            Self::Token(why) => ApiError::unauthorized(why.to_string()),
            Self::Environment => bad_environment(),
        }
    }

    /// What it means where a person is needed.
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

/// Who calls, and the environment that they act in.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// Where: a key's own environment; for people and anonymous callers what `X-Priv-Environment` says,
    /// live unless it says otherwise.
    pub environment: Environment,
}

/// Knows keys, people and the operator.
pub struct Authenticator {
    keys: Arc<dyn KeyLookup>,
    tokens: Option<TokenVerifier>,
    operator: Option<OperatorToken>,
}

impl Authenticator {
    /// With what the installation has.
    #[must_use]
    pub fn new(
        keys: Arc<dyn KeyLookup>,
        tokens: Option<TokenVerifier>,
        operator: Option<OperatorToken>,
    ) -> Self {
        Self { keys, tokens, operator }
    }

    /// The caller behind the request's headers, or behind `query_key` where there is no
    /// `Authorization` header and the route takes `?key=`.
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

    /// The key of this text, if it is in force.
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
        // Whatever has a dot is meant as a JWT, however broken: keys have none.
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
