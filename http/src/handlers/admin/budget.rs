//! Money that operators move: minting, and funding projects' reward budgets.

use actix_web::{HttpResponse, web};
use priv_actors::inspect::InspectError;
use priv_domain::system::{FundBudget, Funded, Mint, MintTo, Minted};
use priv_domain::{EntityId, Environment, ProjectId, UserRef};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{EnvironmentQuery, Reason, existing};
use crate::auth::{as_uuid, check_user_id};
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::json::JsonBody;
use crate::extract::path::InPath;
use crate::extract::query::QueryParams;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::{Amount, PositiveAmount};
use crate::wire::envelope::{Success, created};
use crate::wire::ids::ProjectIdText;
use crate::wire::issues::{At, Issues};
use crate::wire::member::{Member, body};
use crate::wire::schema::Schemas;
use crate::wire::text::Text;

body! {
    /// The body of `POST /mint`.
    pub(crate) struct MintBody {
        amount_priv: PositiveAmount,
        /// The receiver: `treasury`, `pool`, a person's UUID, or the id of a user who is already
        /// known.
        to: PayeeText,
        reason: MintReason,
    }
}

body! {
    /// The body of `POST /projects/{id}/budget`.
    pub(crate) struct BudgetBody {
        amount_priv: PositiveAmount,
        /// Why, for the record.
        reason: Option<Reason>,
    }
}

/// The receiver of minted money. Whether there is such a user is for the handler to check.
#[derive(Debug)]
pub(crate) struct PayeeText(String);

impl Member for PayeeText {
    type Sent = String;

    fn check(sent: String, _: &At<'_>, _: &mut Issues) -> Option<Self> {
        Some(Self(sent))
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string", "minLength": 1, "examples": ["treasury"] })
    }
}

/// Why the money is minted, for the record.
#[derive(Debug, ToSchema)]
#[schema(as = Reason, value_type = String, min_length = 1, max_length = 500, pattern = r"\S")]
pub(crate) struct MintReason(Box<str>);

impl Member for MintReason {
    type Sent = Box<str>;

    fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        let Text(reason) = Reason::check(sent, at, issues)?;
        if reason.trim().is_empty() {
            issues.note(at, "must say why");
            return None;
        }
        Some(Self(reason))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.reference::<Self>()
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Minted)]
struct MintView {
    amount_priv: Amount,
    to: String,
    /// Everything that was ever minted in this environment, including this amount.
    minted_priv: Amount,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Funded)]
struct BudgetView {
    project_id: ProjectIdText,
    amount_priv: Amount,
    /// What is left in the treasury.
    treasury_priv: Amount,
}

/// Mints money: a new environment has none
#[utoipa::path(post, path = "/v1/admin/mint", tag = "Operators",
    responses((status = 201, body = Success<MintView>),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `not_taken`.")))]
pub(crate) async fn mint(
    operator: OperatorCaller,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<MintBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let environment = environment.0.environment();
    let MintBody { amount_priv: PositiveAmount(amount), to: PayeeText(to), reason } = body.value;
    let MintReason(reason) = reason;
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
    Ok(with_origin(created("/v1/admin/ledger/audit", &view), answered.origin))
}

/// Moves money from the treasury to a project's reward budget
#[utoipa::path(post, path = "/v1/admin/projects/{id}/budget", tag = "Operators",
    responses((status = 201, body = Success<BudgetView>),
        (status = 402),
        (status = 409, description = "CONFLICT: `request_in_flight`, or `not_taken`.")))]
pub(crate) async fn fund_budget(
    operator: OperatorCaller,
    id: InPath<ProjectId>,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<BudgetBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let (environment, InPath(id)) = (environment.0.environment(), id);
    let project = existing(&state.node, environment, id)?;
    let BudgetBody { amount_priv: PositiveAmount(amount), reason } = body.value;
    let reason = reason.map(|Text(reason)| reason);
    let by = operator.who.as_ref().into();
    let command = FundBudget { project, amount, by, reason };
    let answered = state.node.ask(&EntityId::system(environment), command, tag).await?;
    // Events that are sent from now on earn from it.
    state.up_to_date().await?;
    let Funded { amount, treasury } = answered.reply;
    let view = BudgetView {
        project_id: id.into(),
        amount_priv: amount.into(),
        treasury_priv: treasury.into(),
    };
    Ok(with_origin(created(&format!("/v1/admin/projects/{id}"), &view), answered.origin))
}

/// The user whom an operator means. A UUID is a person; any other user must be known already, since
/// a typing error would mint money for nobody.
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
        Err(InspectError::Busy) => Err(ApiError::overloaded(1)),
        Err(error) => Err(ApiError::server_error(&error)),
    }
}
