//! The review queue.

use crate::wire::params::ContributionPath;
use crate::wire::schemas::{DecisionName, EnvironmentName, ReviewStatusName, Success};
use actix_web::{HttpRequest, HttpResponse, web};
use priv_domain::contribution::{ReviewDecision, ReviewStatus};
use priv_domain::user::{ReviewContribution, Reviewed};
use priv_domain::views::ContributionOf;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{EnvironmentQuery, checked_reason, environment_named};
use crate::error::ApiError;
use crate::error::refusal::with_origin;
use crate::extract::caller::OperatorCaller;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::json::JsonBody;
use crate::extract::query::QueryParams;
use crate::handlers::contributions::{ContributionView, contribution_in};
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::ok;
use crate::wire::pagination::{PageQuery, Pagination};

#[derive(Serialize, ToSchema)]
#[schema(as = ContributionQueue)]
struct QueueView {
    contributions: Vec<QueuedView>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueuedContribution)]
struct QueuedView {
    user_id: String,
    #[serde(flatten)]
    contribution: ContributionView,
}

/// The query of the queue. A query is read as one type: two that each refuse what they don't know
/// would refuse each other's.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// Only those in this state.
    #[param(inline, value_type = Option<ReviewStatusName>)]
    status: Option<String>,
    /// The environment that is meant; `live` unless it is said.
    #[param(inline, value_type = Option<EnvironmentName>)]
    environment: Option<String>,
    /// Which page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<String>,
    /// How many a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

/// Contributions that are looked through for one answer; a cursor goes on from there.
const MAX_LOOKED_AT: usize = 20_000;

/// Contributions of everybody, oldest first: with `status=pending` the queue to review
#[utoipa::path(get, path = "/v1/admin/contributions", tag = "Operators",
    responses((status = 200, body = Success<QueueView>)))]
pub(crate) async fn list_contribution_queue(
    _operator: OperatorCaller,
    query: QueryParams<QueueQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let wanted = query.0.status.as_deref().map(ReviewStatus::from_name);
    if wanted == Some(None) {
        let issue = "must be one of pending, approved, rejected";
        return Err(ApiError::invalid_field("status", issue));
    }
    let wanted = wanted.flatten();
    let page = PageQuery::read(&query.0.page, &query.0.limit, &query.0.cursor)?.check()?;
    let environment = environment_named(query.0.environment.as_deref())?;
    state.up_to_date().await;
    let node = state.node.clone();
    let found = state.blocking(move || {
        node.all_contributions(environment, None)
            .take(MAX_LOOKED_AT)
            .filter(|item| {
                item.as_ref().map_or(true, |known| {
                    wanted.is_none_or(|status| status == known.line.contribution.status)
                })
            })
            .collect::<Result<Vec<ContributionOf>, _>>()
    });
    let (part, pagination, next_cursor) = page.part_of(found.await?, |known| known.id.to_string());
    let contributions = part.iter().map(|known| QueuedView {
        user_id: known.owner.key.to_string(),
        contribution: ContributionView::of(known.id, &known.line),
    });
    let contributions = contributions.collect();
    Ok(ok(&QueueView { contributions, pagination, next_cursor }))
}

/// The body of a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewBody {
    #[schema(value_type = DecisionName)]
    decision: Box<str>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reason: Option<Box<str>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReviewedContribution)]
struct ReviewedView {
    contribution_id: String,
    status: &'static str,
    reward_priv: Priv,
}

/// Judges a contribution; approval accrues its reward, once
#[utoipa::path(post, path = "/v1/admin/contributions/{id}/review", tag = "Operators",
    params(ContributionPath),
    responses((status = 200, body = Success<ReviewedView>),
        (status = 409, description = "CONFLICT `already_reviewed`: it was judged otherwise.")))]
pub(crate) async fn review_contribution(
    request: HttpRequest,
    operator: OperatorCaller,
    path: web::Path<String>,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<ReviewBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = contribution_in(&path)?;
    let environment = environment.0.environment()?;
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let decision = match &*body.value.decision {
        "approved" => ReviewDecision::Approved,
        "rejected" => ReviewDecision::Rejected,
        _ => return Err(ApiError::invalid_field("decision", "must be approved or rejected")),
    };
    let reason = checked_reason(body.value.reason)?;
    state.up_to_date().await;
    let node = state.node.clone();
    let owner = state.blocking(move || node.contributor(environment, id)).await?;
    let owner = owner.ok_or_else(|| ApiError::not_found("There is no such contribution"))?;
    let by = operator.who.as_ref().into();
    let command = ReviewContribution { id, decision, by, reason };
    let answered = state.node.ask(&owner, command, tag).await?;
    let Reviewed { id, status, reward } = answered.reply;
    let view = ReviewedView {
        contribution_id: id.to_string(),
        status: status.as_str(),
        reward_priv: reward.into(),
    };
    Ok(with_origin(ok(&view), &answered))
}
