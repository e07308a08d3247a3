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

use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::path::PathParams;
use crate::state::AppState;
use crate::wire::pagination::PageQuery;
use crate::wire::param::query;
use crate::wire::text::Text;
use crate::wire::words::EnvironmentName;

query! {
    /// `?environment=live|test`
    pub(crate) struct EnvironmentQuery: strict {
        /// The environment that is meant; `live` unless it is said.
        environment: Option<EnvironmentName>,
    }
}

/// The query of a list.
pub(crate) type ListQuery = (EnvironmentQuery, PageQuery);

impl EnvironmentQuery {
    /// The environment that is meant.
    pub(crate) fn environment(&self) -> Environment {
        self.environment.map_or(Environment::Live, |EnvironmentName(environment)| environment)
    }
}

/// Why an operator does something, for the record.
pub(crate) type Reason = Text<0, 500>;

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

/// The entity of a project that exists: a name that nobody has activates no actor.
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
