//! Answers people about themselves, and projects' servers about their users.

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

/// Resolves the user whom a request is about, within the caller's reach.
///
/// A person is themselves. A secret key reaches its project's own users, and those persons for whom
/// its project sent events that were stored. A user who became a person is that person.
///
/// # Errors
/// NOT_FOUND for users out of reach, VALIDATION_ERROR if nobody is named.
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

/// What is done about one of the project's users who does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The request is refused: there is no such user.
    NotFound,
    /// The request creates the user.
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
    state.node.when_projected(state.node.durable()).await?;
    state.node.wallet_holder(environment, address)?.ok_or_else(no_such_user)
}

fn no_such_user() -> ApiError {
    ApiError::not_found("There is no such user, or your project has sent no events for them")
}

/// A user's `user_id` and `anonymous_id`, as answers show them.
pub(crate) fn wire_ids(id: &EntityId) -> (Option<Arc<str>>, Option<Arc<str>>) {
    let Ok(user) = id.key.parse::<UserRef>();
    match user {
        UserRef::Person(sub) => (Some(sub), None),
        UserRef::ProjectUser(_, user_id) => (Some(user_id), None),
        UserRef::Anonymous(_, anonymous_id) => (None, Some(anonymous_id)),
    }
}

/// The anonymous id that was linked to this user last.
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
