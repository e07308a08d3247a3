//! The edge's knowledge of a request, for extractors and handlers.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest};
use priv_domain::{Environment, Timestamp};

use super::config::Shared;
use super::group::Group;
use crate::auth::{Identity, KeyInfo, PersonIds, Principal};
use crate::error::ApiError;
use crate::rate_limit::{AddressBlock, Decision, Limits, Subject};

/// What the edge knows of a request.
pub struct RequestContext {
    pub(super) shared: Arc<Shared>,
    pub(super) request_id: HeaderValue,
    pub(super) group: Group,
    pub(super) scheme: &'static str,
    pub(super) host: Option<HeaderValue>,
    pub(super) origin: Option<HeaderValue>,
    pub(super) address: IpAddr,
    pub(super) identity: Identity,
    pub(super) received_at: Timestamp,
    /// The result of charging the request, which happens once; `None` before that.
    pub(super) charge: Cell<Option<Decision>>,
}

impl RequestContext {
    /// Returns the context that the edge left with the request.
    ///
    /// # Errors
    /// SERVER_ERROR if there is no edge around the route, which is a mistake in the wiring.
    pub fn of(request: &HttpRequest) -> Result<Rc<Self>, ApiError> {
        request.extensions().get::<Rc<Self>>().cloned().ok_or_else(|| {
            ApiError::server_error(&std::io::Error::other("there is no edge around this route"))
        })
    }

    /// The caller, as their credential tells.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.identity.principal
    }

    /// The environment in which the caller acts.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.identity.environment
    }

    /// When the request came, by the edge's clock.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// The request's id: visible ASCII, at most 128 characters.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request_id.to_str().expect("only visible ASCII is taken for an id")
    }

    /// The client's address, which trusted proxies may have told.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The scheme and host by which clients reach this service: the configured ones, or those of
    /// this request.
    #[must_use]
    pub fn public_address(&self) -> (String, String) {
        let configured = self.shared.config.public_url.as_deref();
        if let Some((scheme, host)) = configured.and_then(|url| url.split_once("://")) {
            return (scheme.to_owned(), host.to_owned());
        }
        let host = self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        (self.scheme.to_owned(), host.to_owned())
    }

    /// The rule by which user ids name persons.
    #[must_use]
    pub fn person_ids(&self) -> PersonIds {
        self.shared.config.person_ids
    }

    /// The key with this text, if it is in force.
    #[must_use]
    pub fn find_key(&self, text: &str) -> Option<Arc<KeyInfo>> {
        self.shared.authenticator.find_key(text, self.received_at)
    }

    /// Charges the request to a key in its body, unless it was charged already.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub fn charge_key(&self, key: &KeyInfo) -> Result<(), ApiError> {
        self.charge_once(|| (Subject::Key(key.id), key.limits))
    }

    /// Charges the request to the client's address, unless it was charged already.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub fn charge_address(&self) -> Result<(), ApiError> {
        self.charge_once(|| self.address_subject())
    }

    /// Refuses a client whose address has used up its requests, but charges nothing yet: the key to
    /// charge may be in a body that is costly to read.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub fn check_address(&self) -> Result<(), ApiError> {
        let (subject, limits) = self.address_subject();
        let decision = self.shared.limiter.look(&subject, limits, self.received_at);
        match self.charge.get().is_none() && decision.is_used_up() {
            true => self.charge_address(),
            false => Ok(()),
        }
    }

    /// Charges the request to the caller, unless it was charged already.
    pub(super) fn charge_principal(&self) -> Result<(), ApiError> {
        self.charge_once(|| self.subject())
    }

    /// What the headers tell: the result of the charge, or the current state if nothing was
    /// charged.
    pub(super) fn decision(&self) -> Decision {
        self.charge.get().unwrap_or_else(|| {
            let (subject, limits) = self.subject();
            self.shared.limiter.look(&subject, limits, self.received_at)
        })
    }

    fn charge_once(&self, subject: impl FnOnce() -> (Subject, Limits)) -> Result<(), ApiError> {
        let decision = self.charge.get().unwrap_or_else(|| {
            let (subject, limits) = subject();
            self.shared.limiter.charge(&subject, limits, self.received_at)
        });
        self.charge.set(Some(decision));
        decision.retry_after_secs().map_or(Ok(()), |secs| Err(ApiError::rate_limited(secs)))
    }

    fn subject(&self) -> (Subject, Limits) {
        match self.principal() {
            Principal::Key(key) => (Subject::Key(key.id), key.limits),
            Principal::Person(person) => {
                let limits = person.plan.map_or(self.shared.config.person_limits, Limits::of);
                let sub = Arc::clone(&person.sub);
                (Subject::Person { sub, environment: self.environment() }, limits)
            }
            Principal::Operator => (self.address_subject().0, Limits::NONE),
            Principal::Anonymous(_) | Principal::Refused(_) => self.address_subject(),
        }
    }

    fn address_subject(&self) -> (Subject, Limits) {
        let block = AddressBlock::from(self.address);
        (Subject::Address(block), self.shared.config.anonymous_limits)
    }
}
