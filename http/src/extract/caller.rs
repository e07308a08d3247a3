//! The right that a handler needs, as the type of its argument: data can't be reached without it.
//!
//! The middleware has identified the caller; these types only look at the [`Principal`] that it
//! left with the request. Whether a caller may touch a particular thing (is it theirs?) is for the
//! handler to check.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use priv_domain::project::{KeyRole, Scope};
use priv_domain::{Environment, UserRef};
use serde_json::json;

use crate::auth::{
    KeyInfo, MAX_USER_ID_BYTES, NamedUser, PersonIds, Principal, Refusal, Standing, UserNaming,
};
use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::middleware::RequestContext;
use crate::wire::param::Param;
use crate::wire::schema::Schemas;
use crate::wire::words::EnvironmentName;

macro_rules! from_context {
    ([$($generics:tt)*] $name:ty, $read:expr) => {
        impl<$($generics)*> FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(RequestContext::of(request).and_then(|context| $read(&context, request)))
            }
        }
    };
}

/// A signed-in person, acting for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonCaller {
    /// Their user id, the `sub` of their token.
    pub sub: Arc<str>,
    /// The environment in which they act.
    pub environment: Environment,
}

impl PersonCaller {
    /// The person as a user.
    #[must_use]
    pub fn user(&self) -> UserRef {
        UserRef::Person(Arc::clone(&self.sub))
    }
}

from_context!([] PersonCaller, person_caller);

fn person_caller(context: &RequestContext, _: &HttpRequest) -> Result<PersonCaller, ApiError> {
    match context.principal() {
        Principal::Person(person) => {
            Ok(PersonCaller { sub: Arc::clone(&person.sub), environment: context.environment() })
        }
        Principal::Anonymous(_) | Principal::Key(_) | Principal::Operator => {
            Err(Refusal::Key.where_a_person_is_needed())
        }
        Principal::Refused(why) => Err(why.where_a_person_is_needed()),
    }
}

impl Argument for PersonCaller {
    fn describe(draft: &mut Draft) {
        draft.allows("person", &[]);
        describe_environment(draft);
        draft.fails_with(&[ErrorCode::Unauthorized, ErrorCode::ValidationError]);
    }
}

/// Adds the header by which signed-in people choose an environment; keys have one of their own.
fn describe_environment(draft: &mut Draft) {
    draft.reads_parameter(json!({
        "name": "X-Priv-Environment",
        "in": "header",
        "required": false,
        "description":
            "The environment in which a signed-in person acts; `live` unless it is said.",
        "schema": EnvironmentName::schema(&mut Schemas::default()),
    }));
}

/// Adds the parameters by which a secret key names a user: exactly one of the three. A signed-in
/// person is themselves, and these are ignored.
fn describe_user(draft: &mut Draft) {
    let id = json!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_USER_ID_BYTES,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
    });
    let wallet = json!({ "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$" });
    for (name, whom, schema) in [
        ("user_id", "a person's UUID, or the project's own id of a user.", &id),
        ("wallet_address", "a wallet that is linked to someone.", &wallet),
        ("anonymous_id", "a visitor of the project.", &id),
    ] {
        draft.reads_parameter(json!({
            "name": name,
            "in": "query",
            "required": false,
            "description": format!("With a secret key: {whom}"),
            "schema": schema,
        }));
    }
}

/// An operator: somebody who runs the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCaller {
    /// Their name in records: the `sub` of a person, or `operator-token`.
    pub who: Arc<str>,
}

from_context!([] OperatorCaller, operator_caller);

fn operator_caller(context: &RequestContext, _: &HttpRequest) -> Result<OperatorCaller, ApiError> {
    let forbidden = || Err(ApiError::forbidden("This is for operators only"));
    match context.principal() {
        Principal::Operator => Ok(OperatorCaller { who: "operator-token".into() }),
        Principal::Person(person) => match person.standing {
            Standing::Operator => Ok(OperatorCaller { who: Arc::clone(&person.sub) }),
            Standing::User => forbidden(),
        },
        Principal::Anonymous(_) | Principal::Key(_) | Principal::Refused(Refusal::Key) => {
            Err(ApiError::unauthorized("An operator's token is needed"))
        }
        Principal::Refused(why @ (Refusal::Token(_) | Refusal::Environment)) => {
            Err(why.where_a_person_is_needed())
        }
    }
}

impl Argument for OperatorCaller {
    fn describe(draft: &mut Draft) {
        draft.allows("operator", &[]);
        // An operator may be a signed-in person, and a person may name an environment.
        draft.fails_with(&[
            ErrorCode::Unauthorized,
            ErrorCode::Forbidden,
            ErrorCode::ValidationError,
        ]);
    }
}

/// Anybody: only a credential that is not accepted is refused. For what everybody may see.
#[derive(Clone, Debug)]
pub struct AnyCaller {
    /// The caller, as their credential tells.
    pub principal: Principal,
    /// The environment in which they look.
    pub environment: Environment,
}

impl AnyCaller {
    /// The signed-in person; `None` for all other callers.
    #[must_use]
    pub fn person(&self) -> Option<UserRef> {
        match &self.principal {
            Principal::Person(person) => Some(UserRef::Person(Arc::clone(&person.sub))),
            Principal::Anonymous(_)
            | Principal::Key(_)
            | Principal::Operator
            | Principal::Refused(_) => None,
        }
    }
}

from_context!([] AnyCaller, any_caller);

fn any_caller(context: &RequestContext, _: &HttpRequest) -> Result<AnyCaller, ApiError> {
    match context.principal() {
        Principal::Refused(why) => Err(why.where_a_key_will_do()),
        principal @ (Principal::Anonymous(_)
        | Principal::Key(_)
        | Principal::Person(_)
        | Principal::Operator) => {
            Ok(AnyCaller { principal: principal.clone(), environment: context.environment() })
        }
    }
}

impl Argument for AnyCaller {
    fn describe(draft: &mut Draft) {
        draft.allows_anyone();
        draft.allows("person", &[]);
        draft.allows("publishable_key", &[]);
        draft.allows("secret_key", &[]);
        describe_environment(draft);
        draft.fails_with(NO_GOOD);
    }
}

/// The codes of a credential that is not accepted on a route that takes keys.
const NO_GOOD: &[ErrorCode] =
    &[ErrorCode::InvalidApiKey, ErrorCode::Unauthorized, ErrorCode::ValidationError];

/// A right that a key may have, as a type.
pub trait Right: 'static {
    /// The scope that a secret key needs.
    const SCOPE: Scope;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl Right for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

rights! {
    /// `events:write`, or any publishable key.
    EventsWrite;
    /// `events:read`; publishable keys don't have it.
    EventsRead;
    /// `analytics:read`, or a publishable key if its project lets it.
    AnalyticsRead;
    /// `billing:manage`; publishable keys don't have it.
    BillingManage;
}

/// A key with the right `R`.
#[derive(Clone, Debug)]
pub struct ScopedKey<R> {
    /// The key, which is in force.
    pub key: Arc<KeyInfo>,
    right: PhantomData<R>,
}

from_context!([R: Right] ScopedKey<R>, scoped_key);

fn scoped_key<R: Right>(
    context: &RequestContext,
    _: &HttpRequest,
) -> Result<ScopedKey<R>, ApiError> {
    let key = key_of(context)?.ok_or_else(no_key)?;
    Ok(ScopedKey { key: with_right(key, R::SCOPE)?, right: PhantomData })
}

impl<R: Right> Argument for ScopedKey<R> {
    fn describe(draft: &mut Draft) {
        if matches!(R::SCOPE, Scope::EventsWrite | Scope::AnalyticsRead) {
            draft.allows("publishable_key", &[]);
        }
        draft.allows("secret_key", &[R::SCOPE.as_str()]);
        draft.fails_with(NO_GOOD);
        draft.fails_with(&[ErrorCode::Forbidden]);
    }
}

/// The key in the headers or in `?key=`; `None` if there is none.
fn key_of(context: &RequestContext) -> Result<Option<Arc<KeyInfo>>, ApiError> {
    match context.principal() {
        Principal::Key(key) => Ok(Some(Arc::clone(key))),
        Principal::Anonymous(_) | Principal::Person(_) | Principal::Operator => Ok(None),
        Principal::Refused(why) => Err(why.where_a_key_will_do()),
    }
}

fn no_key() -> ApiError {
    ApiError::invalid_api_key("An API key is needed: send it as Authorization: Bearer")
}

fn with_right(key: Arc<KeyInfo>, scope: Scope) -> Result<Arc<KeyInfo>, ApiError> {
    if key.may(scope) {
        return Ok(key);
    }
    Err(ApiError::forbidden(format!("The key lacks the right {}", scope.as_str())))
}

/// The key of a request that brings events, which may still be in the body.
///
/// A credential that is not accepted, or a key that may not send events, is refused before the body
/// is read.
pub struct IngestKey {
    context: Rc<RequestContext>,
    key: Option<Arc<KeyInfo>>,
}

impl IngestKey {
    /// Returns the key: the one in the headers or the query, else the one that the body names.
    ///
    /// The request is charged to a key of the body here; if there is no key, to the client's
    /// address.
    ///
    /// # Errors
    /// INVALID_API_KEY, FORBIDDEN, or RATE_LIMITED.
    pub fn resolve(&self, body_key: Option<&str>) -> Result<Arc<KeyInfo>, ApiError> {
        if let Some(key) = &self.key {
            return Ok(Arc::clone(key));
        }
        match body_key.and_then(|text| self.context.find_key(text)) {
            Some(key) => {
                self.context.charge_key(&key)?;
                with_right(key, Scope::EventsWrite)
            }
            None => {
                self.context.charge_address()?;
                Err(match body_key {
                    Some(_) => Refusal::Key.where_a_key_will_do(),
                    None => no_key(),
                })
            }
        }
    }
}

impl FromRequest for IngestKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(RequestContext::of(request).and_then(|context| {
            let key =
                key_of(&context)?.map(|key| with_right(key, Scope::EventsWrite)).transpose()?;
            Ok(Self { context, key })
        }))
    }
}

impl Argument for IngestKey {
    fn describe(draft: &mut Draft) {
        draft.allows("publishable_key", &[]);
        draft.allows("secret_key", &[Scope::EventsWrite.as_str()]);
        draft.allows("key_in_query", &[]);
        draft.allows("key_as_user", &[]);
        draft.fails_with(NO_GOOD);
        draft.fails_with(&[ErrorCode::Forbidden]);
    }
}

/// Access to a user's data, as a type: [`Read`] or [`Write`].
pub trait Access: 'static {
    /// The scope that a secret key needs for it.
    const SCOPE: Scope;
}

/// Reading, with `users:read`.
#[derive(Clone, Copy, Debug)]
pub enum Read {}

/// Changing, with `users:write`.
#[derive(Clone, Copy, Debug)]
pub enum Write {}

impl Access for Read {
    const SCOPE: Scope = Scope::UsersRead;
}

impl Access for Write {
    const SCOPE: Scope = Scope::UsersWrite;
}

/// A person acting for themselves, or a secret key acting for a user.
#[derive(Clone, Debug)]
pub struct UserCaller<A> {
    /// The key; `None` if the caller is the person themselves.
    pub key: Option<Arc<KeyInfo>>,
    /// The environment of the caller and the user.
    pub environment: Environment,
    sub: Option<Arc<str>>,
    naming: UserNaming,
    person_ids: PersonIds,
    access: PhantomData<A>,
}

impl<A> UserCaller<A> {
    /// Returns the user who is meant: the person themselves, or whom the query or else the body
    /// names.
    ///
    /// Whether a key may reach that user is for the handler to check.
    ///
    /// # Errors
    /// VALIDATION_ERROR if a key names nobody, more than one, or by an id that is not valid.
    pub fn user(&self, body: Option<&UserNaming>) -> Result<NamedUser, ApiError> {
        match (&self.key, &self.sub) {
            (Some(key), _) => {
                let in_body = body.filter(|_| self.naming.is_empty());
                in_body.unwrap_or(&self.naming).resolve(key.project, self.person_ids)
            }
            (None, Some(sub)) => Ok(NamedUser::User(UserRef::Person(Arc::clone(sub)))),
            (None, None) => Err(Refusal::Key.where_a_person_is_needed()),
        }
    }
}

from_context!([A: Access] UserCaller<A>, user_caller);

fn user_caller<A: Access>(
    context: &RequestContext,
    request: &HttpRequest,
) -> Result<UserCaller<A>, ApiError> {
    let caller = UserCaller {
        key: None,
        environment: context.environment(),
        sub: None,
        naming: UserNaming::default(),
        person_ids: context.person_ids(),
        access: PhantomData,
    };
    match context.principal() {
        Principal::Person(person) => {
            Ok(UserCaller { sub: Some(Arc::clone(&person.sub)), ..caller })
        }
        Principal::Key(key) => match key.role {
            KeyRole::Secret => {
                let key = Some(with_right(Arc::clone(key), A::SCOPE)?);
                let naming = UserNaming::from_query(request.query_string());
                Ok(UserCaller { key, naming, ..caller })
            }
            KeyRole::Publishable => {
                Err(ApiError::forbidden("A publishable key reaches no users: use a secret key"))
            }
        },
        // This route takes a key too, so a missing credential is answered as a missing key.
        Principal::Anonymous(_) => Err(no_key()),
        Principal::Operator => Err(Refusal::Key.where_a_person_is_needed()),
        Principal::Refused(why) => Err(why.where_a_key_will_do()),
    }
}

impl<A: Access> Argument for UserCaller<A> {
    fn describe(draft: &mut Draft) {
        draft.allows("person", &[]);
        draft.allows("secret_key", &[A::SCOPE.as_str()]);
        describe_user(draft);
        describe_environment(draft);
        draft.fails_with(NO_GOOD);
        draft.fails_with(&[ErrorCode::Forbidden, ErrorCode::NotFound]);
    }
}

/// A project's server, acting for one of its users. Refuses signed-in people.
#[derive(Clone, Debug)]
pub struct ServerCaller<A> {
    /// The secret key, which has the scope for `A`.
    pub key: Arc<KeyInfo>,
    caller: UserCaller<A>,
}

impl<A> ServerCaller<A> {
    /// The environment of the key.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.caller.environment
    }

    /// Returns the user whom the query or else the body names.
    ///
    /// # Errors
    /// As [`UserCaller::user`].
    pub fn user(&self, body: Option<&UserNaming>) -> Result<NamedUser, ApiError> {
        self.caller.user(body)
    }
}

from_context!([A: Access] ServerCaller<A>, server_caller);

fn server_caller<A: Access>(
    context: &RequestContext,
    request: &HttpRequest,
) -> Result<ServerCaller<A>, ApiError> {
    let caller = user_caller(context, request)?;
    match &caller.key {
        Some(key) => Ok(ServerCaller { key: Arc::clone(key), caller }),
        None => Err(ApiError::forbidden("A proof is for a project's server, with its secret key")),
    }
}

impl<A: Access> Argument for ServerCaller<A> {
    fn describe(draft: &mut Draft) {
        draft.allows("secret_key", &[A::SCOPE.as_str()]);
        describe_user(draft);
        draft.fails_with(NO_GOOD);
        draft.fails_with(&[ErrorCode::Forbidden]);
    }
}

#[cfg(test)]
mod tests;
