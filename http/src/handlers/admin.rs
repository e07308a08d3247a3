//! The operators' routes, under `/v1/admin`.

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

use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::path::PathParams;
use crate::state::AppState;
use crate::wire::pagination::PageQuery;
use crate::wire::param::query;
use crate::wire::text::Text;
use crate::wire::words::EnvironmentName;

query! {
    /// The query parameter by which operators choose an environment.
    pub(crate) struct EnvironmentQuery: strict {
        /// The environment; `live` if left out.
        environment: Option<EnvironmentName>,
    }
}

/// The query of an operator's list.
pub(crate) type ListQuery = (EnvironmentQuery, PageQuery);

impl EnvironmentQuery {
    /// The environment that was chosen, or `live`.
    pub(crate) fn environment(&self) -> Environment {
        self.environment.map_or(Environment::Live, |EnvironmentName(environment)| environment)
    }
}

/// An operator's reason for doing something, which is recorded.
pub(crate) type Reason = Text<0, 500>;

/// Records what an operator did, where nothing else records it.
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

/// The entity of a project, if the project exists: otherwise no actor is activated for it.
pub(crate) fn existing(
    node: &Node,
    environment: Environment,
    id: ProjectId,
) -> Result<EntityId, ApiError> {
    match node.project(environment, id) {
        Some(_) => Ok(EntityId::project(environment, id)),
        None => Err(ProjectId::missing()),
    }
}
