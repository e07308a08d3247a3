//! The contributor's own view of what they uploaded.

pub(crate) mod upload;

use actix_web::{HttpResponse, web};
use priv_blobs::{BlobError, ContentHash, MediaType};
use priv_domain::contribution::Originality;
use priv_domain::user::{ChangeUses, DeleteContribution, User, UsesChange};
use priv_domain::views::ContributionLine;
use priv_domain::{ContributionId, EntityId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::download::range::blob_error;
use crate::error::ApiError;
use crate::extract::caller::{AnyCaller, PersonCaller};
use crate::extract::json::JsonBody;
use crate::extract::path::{InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::idempotency::{Idempotency, fingerprint, with_origin};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, ok};
use crate::wire::ids::{ContributionIdText, HashText};
use crate::wire::member::{Maybe, body};
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::param::query;
use crate::wire::time::Rfc3339;
use crate::wire::words::{ContributionTypeName, ReviewStatusName};

query! {
    /// The query of `GET /contributions`, besides that of a list.
    pub(crate) struct ContributionsQuery {
        /// Only contributions of this type.
        contribution_type: Option<ContributionTypeName> as "type",
        /// Only contributions with this status.
        status: Option<ReviewStatusName>,
    }
}

/// A contribution, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Contribution)]
pub(crate) struct ContributionView {
    contribution_id: ContributionIdText,
    contribution_type: ContributionTypeName,
    content_type: &'static str,
    file_hash: HashText,
    file_size_bytes: u64,
    storage_path: String,
    consent_ai_training: bool,
    consent_research: bool,
    consent_commercial: bool,
    estimated_reward: Amount,
    status: ReviewStatusName,
    flagged: bool,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<serde_json::value::RawValue>>,
    review_reason: Option<Box<str>>,
    reviewed_at: Option<Rfc3339>,
    created_at: Rfc3339,
}

impl ContributionView {
    pub(crate) fn of(id: ContributionId, line: &ContributionLine) -> Self {
        let ContributionLine { contribution, review, metadata } = line;
        let hash = ContentHash::new(contribution.sha256);
        let metadata = metadata.as_deref().map(str::to_owned);
        Self {
            contribution_id: id.into(),
            contribution_type: contribution.contribution_type().into(),
            content_type: contribution.media_type.as_str(),
            file_hash: HashText(hash.to_string()),
            file_size_bytes: contribution.size,
            storage_path: format!("ipfs/{}", hash.cid()),
            consent_ai_training: contribution.uses.ai_training,
            consent_research: contribution.uses.research,
            consent_commercial: contribution.uses.commercial,
            estimated_reward: contribution.reward.into(),
            status: contribution.status.into(),
            flagged: contribution.originality == Originality::KnownElsewhere,
            metadata: metadata.and_then(|text| serde_json::value::RawValue::from_string(text).ok()),
            review_reason: review.as_ref().and_then(|review| review.reason.clone()),
            reviewed_at: review.as_ref().map(|review| Rfc3339(review.at)),
            created_at: Rfc3339(contribution.at),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Contributions)]
struct ContributionsView {
    contributions: Vec<ContributionView>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

/// The caller's contributions, newest first
#[utoipa::path(get, path = "/v1/contributions", tag = "Contributions",
    responses((status = 200, body = Success<ContributionsView>)))]
pub(crate) async fn list_contributions(
    caller: PersonCaller,
    query: QueryParams<(ContributionsQuery, PageQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (ContributionsQuery { contribution_type, status }, page) = query.0;
    let wanted_type = contribution_type.map(|ContributionTypeName(wanted)| wanted);
    let wanted_status = status.map(|ReviewStatusName(wanted)| wanted);
    let owner = EntityId::user(caller.environment, &caller.user());
    state.up_to_date().await?;
    let node = state.node.clone();
    let lines = state.blocking(move || node.contributions(&owner).collect::<Result<Vec<_>, _>>());
    let mut lines = lines.await?;
    lines.retain(|(_, line)| {
        wanted_type.is_none_or(|wanted| wanted == line.contribution.contribution_type())
            && wanted_status.is_none_or(|wanted| wanted == line.contribution.status)
    });
    let (lines, pagination, next_cursor) = page.part_of(lines, |(id, _)| newest_first(id.get()));
    let contributions = lines.iter().map(|(id, line)| ContributionView::of(*id, line)).collect();
    Ok(ok(&ContributionsView { contributions, pagination, next_cursor }))
}

/// A text that sorts by id, the newest first.
pub(crate) fn newest_first(id: u128) -> String {
    format!("{:032x}", u128::MAX - id)
}

/// One of the caller's contributions
#[utoipa::path(get, path = "/v1/contributions/{id}", tag = "Contributions",
    responses((status = 200, body = Success<ContributionView>)))]
pub(crate) async fn get_contribution(
    caller: PersonCaller,
    InPath(id): InPath<ContributionId>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let owner = EntityId::user(caller.environment, &caller.user());
    state.up_to_date().await?;
    let node = state.node.clone();
    let line = state.blocking(move || node.contribution(&owner, id)).await?;
    let line = line.ok_or_else(ContributionId::missing)?;
    Ok(ok(&ContributionView::of(id, &line)))
}

body! {
    /// The body of `PATCH /contributions/{id}`: the uses to change; the others stay as they are.
    pub(crate) struct UsesBody {
        consent_ai_training: Maybe<bool>,
        consent_research: Maybe<bool>,
        consent_commercial: Maybe<bool>,
    }
}

/// Changes what a contribution may be used for, until it is reviewed
///
/// `estimated_reward` follows the uses. Approval pays for the uses that are allowed then; after it
/// they stay, and a contribution can only be deleted.
#[utoipa::path(patch, path = "/v1/contributions/{id}", tag = "Contributions",
    responses((status = 200, body = Success<ContributionView>),
        (status = 409, description = "CONFLICT `already_reviewed`, with its `status`.")))]
pub(crate) async fn change_contribution(
    caller: PersonCaller,
    InPath(id): InPath<ContributionId>,
    body: JsonBody<UsesBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let body = body.value;
    let change = UsesChange {
        ai_training: body.consent_ai_training.0,
        research: body.consent_research.0,
        commercial: body.consent_commercial.0,
    };
    let owner = EntityId::user(caller.environment, &caller.user());
    let answered = state.node.ask(&owner, ChangeUses { id, change }, tag).await?;
    state.up_to_date().await?;
    let node = state.node.clone();
    let line = state.blocking(move || node.contribution(&owner, id)).await?;
    let line = line.ok_or_else(ContributionId::missing)?;
    let line = ContributionLine { contribution: answered.reply.contribution, ..line };
    Ok(with_origin(ok(&ContributionView::of(id, &line)), answered.origin))
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedContribution)]
struct DeletedView {
    contribution_id: ContributionIdText,
    deleted: bool,
}

/// Deletes a contribution and erases its content
///
/// Those who bought it keep what they bought.
#[utoipa::path(delete, path = "/v1/contributions/{id}", tag = "Contributions",
    responses((status = 200, body = Success<DeletedView>),
        (status = 409, description = "CONFLICT `listed`: it is in a listing that is not delisted.")))]
pub(crate) async fn delete_contribution(
    caller: PersonCaller,
    InPath(id): InPath<ContributionId>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let owner = EntityId::user(caller.environment, &caller.user());
    let tag = idempotency.tag(|| fingerprint(b""));
    let answered = state.node.ask(&owner, DeleteContribution { id }, tag).await?;
    state.erase_if_unneeded(ContentHash::new(answered.reply.sha256)).await?;
    let view = DeletedView { contribution_id: id.into(), deleted: true };
    Ok(with_origin(ok(&view), answered.origin))
}

/// A preview of the content: for its owner, and for everybody once it is listed
///
/// Photos are scaled down and carry no metadata; texts are cut. It is never the whole content.
#[utoipa::path(get, path = "/v1/contributions/{id}/preview", tag = "Contributions",
    responses((status = 200, description = "A JPEG, or text.",
        content((Vec<u8> = "image/jpeg"), (String = "text/plain; charset=utf-8")))))]
pub(crate) async fn preview_contribution(
    caller: AnyCaller,
    InPath(id): InPath<ContributionId>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.up_to_date().await?;
    let (node, environment) = (state.node.clone(), caller.environment);
    let owner = state.blocking(move || node.contributor(environment, id)).await?;
    let owner = owner.ok_or_else(ContributionId::missing)?;
    let is_own = caller.person().is_some_and(|user| EntityId::user(environment, &user) == owner);
    let look = move |user: &priv_domain::Entity<User>| {
        let machine = &user.machine;
        let shown = is_own || machine.listing_of(id).is_some();
        machine.contribution(id).filter(|_| shown).map(|known| (known.sha256, known.media_type))
    };
    let found = state.node.read_durable::<User, _>(&owner, look).await?.reply;
    let (sha256, media_type) = found.ok_or_else(ContributionId::missing)?;
    let preview = match MediaType::parse(media_type.as_str()) {
        Some(media) => state.blobs.preview(ContentHash::new(sha256), media).await,
        None => Ok(None),
    };
    match preview {
        Ok(Some(preview)) => Ok(HttpResponse::Ok()
            .insert_header(("Content-Security-Policy", "sandbox; default-src 'none'"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .insert_header(("Cache-Control", "private, max-age=300"))
            .content_type(preview.content_type)
            .body(preview.bytes)),
        Ok(None) | Err(BlobError::NotFound(_)) => Err(ApiError::not_found(
            "There is no preview of this contribution: only photos (JPEG, PNG, WebP) and texts have one",
        )),
        Err(error) => Err(blob_error(&error)),
    }
}
