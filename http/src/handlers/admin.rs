//! What operators do and see.

pub(crate) mod actors;
pub(crate) mod budget;
pub(crate) mod contributions;
pub(crate) mod entity_view;
pub(crate) mod keys;
pub(crate) mod ledger;
mod masking;
mod new_keys;
pub(crate) mod past_view;
pub(crate) mod projects;

use priv_actors::Node;
use priv_domain::system::NoteOperatorAction;
use priv_domain::{EntityId, Environment, ProjectId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::state::AppState;
use crate::wire::pagination::{PageQuery, Wanted};
use crate::wire::schemas::EnvironmentName;

/// `?environment=live|test`
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EnvironmentQuery {
    /// The environment that is meant; `live` unless it is said.
    #[param(inline, value_type = Option<EnvironmentName>)]
    pub(crate) environment: Option<String>,
}

/// The query of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// The environment that is meant; `live` unless it is said.
    #[param(inline, value_type = Option<EnvironmentName>)]
    pub(crate) environment: Option<String>,
    /// Which page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<String>,
    /// How many a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

impl ListQuery {
    /// The environment that is meant.
    pub(crate) fn environment(&self) -> Result<Environment, ApiError> {
        environment_named(self.environment.as_deref())
    }

    /// Which part is wanted.
    pub(crate) fn page(&self) -> Result<Wanted, ApiError> {
        PageQuery::read(&self.page, &self.limit, &self.cursor)?.check()
    }
}

impl EnvironmentQuery {
    /// The environment that is meant.
    pub(crate) fn environment(&self) -> Result<Environment, ApiError> {
        environment_named(self.environment.as_deref())
    }
}

/// The environment of a name; live where none is given.
pub(crate) fn environment_named(name: Option<&str>) -> Result<Environment, ApiError> {
    let Some(name) = name else { return Ok(Environment::Live) };
    Environment::ALL
        .into_iter()
        .find(|environment| environment.as_str() == name)
        .ok_or_else(|| ApiError::invalid_field("environment", "must be live or test"))
}

/// Longest `reason`, in characters.
const MAX_REASON_CHARS: usize = 500;

/// A reason within its bound.
pub(crate) fn checked_reason(reason: Option<Box<str>>) -> Result<Option<Box<str>>, ApiError> {
    match reason {
        Some(reason) if reason.chars().count() > MAX_REASON_CHARS => {
            Err(ApiError::invalid_field("reason", "must have at most 500 characters"))
        }
        reason => Ok(reason),
    }
}

/// Writes down what an operator did, where no other record says it.
pub(crate) async fn note_action(
    state: &AppState,
    environment: Environment,
    operator: &OperatorCaller,
    action: String,
    reason: Option<Box<str>>,
) -> Result<(), ApiError> {
    let by = operator.who.as_ref().into();
    let command = NoteOperatorAction { by, action: action.into(), reason };
    state.node.ask(&EntityId::system(environment), command, None).await?;
    Ok(())
}

/// The id in a path.
pub(crate) fn project_id(text: &str) -> Result<ProjectId, ApiError> {
    text.parse().map_err(|_| no_such_project())
}

/// The entity of a project that exists: a name that nobody has activates no actor.
pub(crate) fn existing(
    node: &Node,
    environment: Environment,
    id: ProjectId,
) -> Result<EntityId, ApiError> {
    match node.project(environment, id) {
        Some(_) => Ok(EntityId::project(environment, id)),
        None => Err(no_such_project()),
    }
}

pub(crate) fn no_such_project() -> ApiError {
    ApiError::not_found("There is no such project")
}
