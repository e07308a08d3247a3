//! Money that operators move: minting, and filling reward budgets.

use actix_web::{HttpRequest, HttpResponse, web};
use priv_domain::system::{FundBudget, Funded, Mint, MintTo, Minted};
use priv_domain::{EntityId, Environment, Micros, UserRef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EnvironmentQuery, checked_reason, existing, project_id};
use crate::auth::{as_uuid, check_user_id};
use crate::error::ApiError;
use crate::error::refusal::with_origin;
use crate::extract::caller::OperatorCaller;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::json::JsonBody;
use crate::extract::query::QueryParams;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::created;
use crate::wire::params::ProjectPath;
use crate::wire::schemas::{PositiveAmount, ProjectIdText, ReasonText, Success};

/// The body of `POST /mint`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MintBody {
    #[schema(value_type = PositiveAmount)]
    amount_priv: Priv,
    /// `treasury`, `pool`, a person's UUID, or a user who is known already.
    #[schema(min_length = 1, examples("treasury"))]
    to: String,
    #[schema(value_type = ReasonText)]
    reason: Box<str>,
}

/// The body of `POST /projects/{id}/budget`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetBody {
    #[schema(value_type = PositiveAmount)]
    amount_priv: Priv,
    /// Why, for the record.
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Box<str>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Minted)]
struct MintView {
    amount_priv: Priv,
    to: String,
    /// All that was ever minted in this environment.
    minted_priv: Priv,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Funded)]
struct BudgetView {
    #[schema(value_type = ProjectIdText)]
    project_id: String,
    amount_priv: Priv,
    /// What the treasury has left.
    treasury_priv: Priv,
}

fn positive(Priv(amount): Priv) -> Result<Micros, ApiError> {
    match amount.is_zero() {
        true => Err(ApiError::invalid_field("amount_priv", "must be more than 0")),
        false => Ok(amount),
    }
}

/// Makes money: a fresh environment has none
#[utoipa::path(post, path = "/v1/admin/mint", tag = "Operators",
    responses((status = 201, body = Success<MintView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `not_taken`.")))]
pub(crate) async fn mint(
    request: HttpRequest,
    operator: OperatorCaller,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<MintBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let environment = environment.0.environment()?;
    let MintBody { amount_priv, to, reason } = body.value;
    let amount = positive(amount_priv)?;
    let reason = checked_reason(Some(reason))?.filter(|reason| !reason.trim().is_empty());
    let reason = reason.ok_or_else(|| ApiError::invalid_field("reason", "must say why"))?;
    let account = match to.as_str() {
        "treasury" => MintTo::Treasury,
        "pool" => MintTo::Pool,
        user => MintTo::User(user_named(&state, environment, user).await?),
    };
    let by = operator.who.as_ref().into();
    let command = Mint { amount, to: account, by, reason };
    let answered = state.node.ask(&EntityId::system(environment), command, tag).await?;
    let Minted { amount, minted } = answered.reply;
    let view = MintView { amount_priv: amount.into(), to, minted_priv: minted.into() };
    Ok(with_origin(created("/v1/admin/ledger/audit", &view), &answered))
}

/// Moves money from the treasury to a project's reward budget
#[utoipa::path(post, path = "/v1/admin/projects/{id}/budget", tag = "Operators",
    params(ProjectPath),
    responses((status = 201, body = Success<BudgetView>),
        (status = 402),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `not_taken`.")))]
pub(crate) async fn fund_budget(
    request: HttpRequest,
    operator: OperatorCaller,
    id: web::Path<String>,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<BudgetBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let (environment, id) = (environment.0.environment()?, project_id(&id)?);
    let project = existing(&state.node, environment, id)?;
    let BudgetBody { amount_priv, reason } = body.value;
    let (amount, reason) = (positive(amount_priv)?, checked_reason(reason)?);
    let by = operator.who.as_ref().into();
    let command = FundBudget { project, amount, by, reason };
    let answered = state.node.ask(&EntityId::system(environment), command, tag).await?;
    // Events that are sent from now on earn from it.
    state.up_to_date().await;
    let Funded { amount, treasury } = answered.reply;
    let view = BudgetView {
        project_id: id.to_string(),
        amount_priv: amount.into(),
        treasury_priv: treasury.into(),
    };
    Ok(with_origin(created(&format!("/v1/admin/projects/{id}"), &view), &answered))
}

/// The user whom an operator means: a UUID is a person, anything else must be known already, since
/// a typing error would make money for nobody.
async fn user_named(
    state: &AppState,
    environment: Environment,
    text: &str,
) -> Result<EntityId, ApiError> {
    check_user_id(text)
        .map_err(|why| ApiError::invalid_field("to", format!("as a user id {why}")))?;
    if let Some(uuid) = as_uuid(text) {
        return Ok(EntityId::user(environment, &UserRef::Person(uuid.into())));
    }
    let Ok(user) = text.parse::<UserRef>();
    let id = EntityId::user(environment, &user);
    match state.node.has_entity(&id).await {
        Ok(true) => Ok(id),
        Ok(false) => Err(ApiError::invalid_field(
            "to",
            "must be treasury, pool, a person's UUID, or a user who is known already",
        )),
        Err(error) => Err(ApiError::server_error(&error)),
    }
}
