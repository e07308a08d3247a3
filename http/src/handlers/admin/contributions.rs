//! `/v1/admin/contributions`: the review queue.

use actix_web::{HttpResponse, web};
use priv_actors::Answered;
use priv_blobs::ContentHash;
use priv_domain::contribution::ReviewDecision;
use priv_domain::user::{ReviewContribution, Reviewed};
use priv_domain::views::ContributionOf;
use priv_domain::{ContributionId, EntityId, RequestTag};
use serde::Serialize;
use utoipa::ToSchema;

use super::{EnvironmentQuery, ListQuery, Reason};
use crate::error::ApiError;
use crate::extract::caller::OperatorCaller;
use crate::extract::json::JsonBody;
use crate::extract::path::{InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::handlers::contributions::ContributionView;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, ok};
use crate::wire::ids::ContributionIdText;
use crate::wire::member::body;
use crate::wire::pagination::Pagination;
use crate::wire::param::query;
use crate::wire::text::Text;
use crate::wire::words::{ReviewStatusName, words};

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

query! {
    /// The query of the queue, besides that of a list.
    pub(crate) struct QueueQuery: strict {
        /// Only contributions with this status.
        status: Option<ReviewStatusName>,
    }
}

/// The most contributions that are searched for one answer.
const MAX_LOOKED_AT: usize = 20_000;

/// Everybody's contributions, oldest first; with `status=pending`, the queue to review
#[utoipa::path(get, path = "/v1/admin/contributions", tag = "Operators",
    responses((status = 200, body = Success<QueueView>)))]
pub(crate) async fn list_contribution_queue(
    _operator: OperatorCaller,
    query: QueryParams<(QueueQuery, ListQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (QueueQuery { status }, (environment, page)) = query.0;
    let (wanted, environment) =
        (status.map(|ReviewStatusName(one)| one), environment.environment());
    state.up_to_date().await?;
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

body! {
    /// The body of a review.
    pub(crate) struct ReviewBody {
        decision: DecisionName,
        reason: Option<Reason>,
    }
}

words! {
    /// The outcome of a review.
    checked pub(crate) enum DecisionName as "ReviewDecision" {
        Approved = "approved",
        Rejected = "rejected",
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReviewedContribution)]
struct ReviewedView {
    contribution_id: ContributionIdText,
    status: ReviewStatusName,
    reward_priv: Amount,
}

/// Reviews a contribution; approval accrues its reward, once
#[utoipa::path(post, path = "/v1/admin/contributions/{id}/review", tag = "Operators",
    responses((status = 200, body = Success<ReviewedView>),
        (status = 409, description = "CONFLICT `already_reviewed`: it was judged otherwise.")))]
pub(crate) async fn review_contribution(
    operator: OperatorCaller,
    InPath(id): InPath<ContributionId>,
    environment: QueryParams<EnvironmentQuery>,
    body: JsonBody<ReviewBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let environment = environment.0.environment();
    let tag = idempotency.tag(|| body.fingerprint());
    let ReviewBody { decision, reason } = body.value;
    let decision = match decision {
        DecisionName::Approved => ReviewDecision::Approved,
        DecisionName::Rejected => ReviewDecision::Rejected,
    };
    let reason = reason.map(|Text(reason)| reason);
    state.up_to_date().await?;
    let node = state.node.clone();
    let owner = state.blocking(move || node.contributor(environment, id)).await?;
    let owner = owner.ok_or_else(ContributionId::missing)?;
    let by = operator.who.as_ref().into();
    let command = ReviewContribution { id, decision, by, reason, rewarded_before: false };
    // Not cancelled if the client hangs up: a second reviewer must find what this one rewarded.
    let worked = actix_rt::spawn(review(state, owner, command, tag));
    let answered = worked.await.map_err(|error| ApiError::server_error(&error))??;
    let Reviewed { id, status, reward } = answered.reply;
    let view = ReviewedView {
        contribution_id: id.into(),
        status: status.into(),
        reward_priv: reward.into(),
    };
    Ok(with_origin(ok(&view), answered.origin))
}

/// Reviews a contribution, and rewards its content if it was never rewarded in the environment.
async fn review(
    state: web::Data<AppState>,
    owner: EntityId,
    command: ReviewContribution,
    tag: Option<RequestTag>,
) -> Result<Answered<Reviewed>, ApiError> {
    let (node, me, id) = (state.node.clone(), owner.clone(), command.id);
    let line = state.blocking(move || node.contribution(&me, id)).await?;
    let sha256 = line.ok_or_else(ContributionId::missing)?.contribution.sha256;
    // As long as the content is locked nobody else is rewarded for it.
    let _lock = state.blobs.lock(ContentHash::new(sha256)).await;
    state.up_to_date().await?;
    let (node, environment) = (state.node.clone(), owner.environment);
    let rewarded_before = state.blocking(move || node.is_rewarded(environment, &sha256)).await?;
    let command = ReviewContribution { rewarded_before, ..command };
    Ok(state.node.ask(&owner, command, tag).await?)
}
