//! What a person can ask about themselves, and a project's server about its users.

pub(crate) mod balance;
pub(crate) mod claim;
pub(crate) mod consent;
pub(crate) mod earnings;
pub(crate) mod link;
pub(crate) mod stream;

use std::sync::Arc;

use priv_domain::user::User;
use priv_domain::{Entity, EntityId, Environment, ProjectId, UserRef, Version};

use crate::auth::wallet::Address;
use crate::auth::{NamedUser, UserNaming};
use crate::error::ApiError;
use crate::extract::caller::UserCaller;
use crate::state::AppState;

/// The user whom a request is about, within the caller's reach.
///
/// A person is themselves. A secret key reaches its project's own users, and of persons those for
/// whom its project has sent events that were stored. Whoever became a person is that person.
///
/// # Errors
/// NOT_FOUND out of reach, VALIDATION_ERROR where nobody is named.
pub(crate) async fn user_in_reach<A>(
    state: &AppState,
    caller: &UserCaller<A>,
    body: Option<&UserNaming>,
    unknown: Unknown,
) -> Result<EntityId, ApiError> {
    let named = caller.user(body)?;
    let id = match &named {
        NamedUser::User(user) => EntityId::user(caller.environment, user),
        NamedUser::Wallet(Address(address)) => {
            wallet_holder(state, caller.environment, address).await?
        }
    };
    let Some(key) = &caller.key else { return Ok(id) };
    let own = matches!(&named, NamedUser::User(user) if user.project() == Some(key.project));
    match known(state, &id, key.project).await? {
        Known { became: Some(person), .. } => Ok(person),
        Known { exists: true, .. } if own => Ok(id),
        Known { exists: false, .. } if own && unknown == Unknown::Begin => Ok(id),
        Known { to_project: true, .. } => Ok(id),
        Known { .. } => Err(no_such_user()),
    }
}

/// What a user who was never heard of means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// There is no such user.
    NotFound,
    /// They begin to exist.
    Begin,
}

struct Known {
    exists: bool,
    to_project: bool,
    became: Option<EntityId>,
}

async fn known(state: &AppState, id: &EntityId, project: ProjectId) -> Result<Known, ApiError> {
    let look = move |user: &Entity<User>| Known {
        exists: user.version > Version::ZERO,
        to_project: user.machine.is_known_to(project),
        became: user.machine.became().cloned(),
    };
    Ok(state.node.read_durable::<User, _>(id, look).await?.reply)
}

async fn wallet_holder(
    state: &AppState,
    environment: Environment,
    address: &[u8; 20],
) -> Result<EntityId, ApiError> {
    state.node.when_projected(state.node.durable()).await;
    state.node.wallet_holder(environment, address)?.ok_or_else(no_such_user)
}

fn no_such_user() -> ApiError {
    ApiError::not_found("There is no such user, or your project has sent no events for them")
}

/// The ids of a user as the wire shows them: `user_id`, `anonymous_id`.
pub(crate) fn wire_ids(id: &EntityId) -> (Option<Arc<str>>, Option<Arc<str>>) {
    let Ok(user) = id.key.parse::<UserRef>();
    match user {
        UserRef::Person(sub) => (Some(sub), None),
        UserRef::ProjectUser(_, user_id) => (Some(user_id), None),
        UserRef::Anonymous(_, anonymous_id) => (None, Some(anonymous_id)),
    }
}

/// The last anonymous id that became this user.
pub(crate) fn last_anonymous_id(user: &User) -> Option<Arc<str>> {
    let absorbed = &user.links.as_ref()?.absorbed;
    absorbed.iter().rev().find_map(|key| {
        let Ok(user) = key.parse::<UserRef>();
        match user {
            UserRef::Anonymous(_, id) => Some(id),
            UserRef::Person(_) | UserRef::ProjectUser(..) => None,
        }
    })
}
