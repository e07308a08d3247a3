//! What people upload, as they see it themselves.

pub(crate) mod upload;

use crate::wire::params::ContributionPath;
use crate::wire::schemas::{ContributionTypeName, ReviewStatusName, Success};
use actix_web::{HttpRequest, HttpResponse, web};
use priv_blobs::{BlobError, ContentHash, MediaType};
use priv_domain::contribution::{ContributionType, Originality, ReviewStatus};
use priv_domain::user::{DeleteContribution, User};
use priv_domain::views::ContributionLine;
use priv_domain::{ContributionId, EntityId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::download::range::blob_error;
use crate::error::refusal::with_origin;
use crate::error::{ApiError, Detail};
use crate::extract::caller::{AnyCaller, PersonCaller};
use crate::extract::idempotency::{IdempotencyKey, fingerprint};
use crate::extract::query::QueryParams;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::ok;
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::time::Rfc3339;

/// The query of `GET /contributions`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContributionsQuery {
    /// Only those of this type.
    #[serde(rename = "type")]
    #[param(inline, value_type = Option<ContributionTypeName>)]
    contribution_type: Option<String>,
    /// Only those in this state.
    #[param(inline, value_type = Option<ReviewStatusName>)]
    status: Option<String>,
    /// Which page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<String>,
    /// How many a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

/// A contribution on the wire.
#[derive(Serialize, ToSchema)]
#[schema(as = Contribution)]
pub(crate) struct ContributionView {
    contribution_id: String,
    contribution_type: &'static str,
    content_type: &'static str,
    file_hash: String,
    file_size_bytes: u64,
    storage_path: String,
    consent_ai_training: bool,
    consent_research: bool,
    consent_commercial: bool,
    estimated_reward: Priv,
    status: &'static str,
    flagged: bool,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<serde_json::value::RawValue>>,
    #[schema(value_type = Option<String>)]
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
            contribution_id: id.to_string(),
            contribution_type: contribution.contribution_type().as_str(),
            content_type: contribution.media_type.as_str(),
            file_hash: hash.to_string(),
            file_size_bytes: contribution.size,
            storage_path: format!("ipfs/{}", hash.cid()),
            consent_ai_training: contribution.uses.ai_training,
            consent_research: contribution.uses.research,
            consent_commercial: contribution.uses.commercial,
            estimated_reward: contribution.reward.into(),
            status: contribution.status.as_str(),
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

/// What the caller has contributed, newest first
#[utoipa::path(get, path = "/v1/contributions", tag = "Contributions",
    responses((status = 200, body = Success<ContributionsView>)))]
pub(crate) async fn list_contributions(
    caller: PersonCaller,
    query: QueryParams<ContributionsQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (wanted_type, wanted_status) = check(&query.0)?;
    let page = PageQuery::read(&query.0.page, &query.0.limit, &query.0.cursor)?.check()?;
    let owner = EntityId::user(caller.environment, &caller.user());
    state.up_to_date().await;
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

/// The place of an id in a list of the newest first.
pub(crate) fn newest_first(id: u128) -> String {
    format!("{:032x}", u128::MAX - id)
}

fn check(
    query: &ContributionsQuery,
) -> Result<(Option<ContributionType>, Option<ReviewStatus>), ApiError> {
    let mut details = Vec::new();
    let wanted_type = query.contribution_type.as_deref().map(ContributionType::from_name);
    if wanted_type == Some(None) {
        details.push(Detail::new("type", "must be one of photo, video, voice, text"));
    }
    let wanted_status = query.status.as_deref().map(ReviewStatus::from_name);
    if wanted_status == Some(None) {
        details.push(Detail::new("status", "must be one of pending, approved, rejected"));
    }
    match details.is_empty() {
        true => Ok((wanted_type.flatten(), wanted_status.flatten())),
        false => Err(ApiError::validation(details)),
    }
}

/// The id in a path; one that can't be is one that is not.
pub(crate) fn contribution_in(path: &str) -> Result<ContributionId, ApiError> {
    path.parse().map_err(|_| no_such_contribution())
}

fn no_such_contribution() -> ApiError {
    ApiError::not_found("There is no such contribution")
}

/// One of the caller's contributions
#[utoipa::path(get, path = "/v1/contributions/{id}", tag = "Contributions",
    params(ContributionPath),
    responses((status = 200, body = Success<ContributionView>)))]
pub(crate) async fn get_contribution(
    caller: PersonCaller,
    path: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = contribution_in(&path)?;
    let owner = EntityId::user(caller.environment, &caller.user());
    state.up_to_date().await;
    let node = state.node.clone();
    let line = state.blocking(move || node.contribution(&owner, id)).await?;
    let line = line.ok_or_else(no_such_contribution)?;
    Ok(ok(&ContributionView::of(id, &line)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedContribution)]
struct DeletedView {
    contribution_id: String,
    deleted: bool,
}

/// Deletes a contribution and erases its content
///
/// Whoever bought it keeps what they bought.
#[utoipa::path(delete, path = "/v1/contributions/{id}", tag = "Contributions",
    params(ContributionPath),
    responses((status = 200, body = Success<DeletedView>),
        (status = 409, description = "CONFLICT `listed`: it is in a listing that is not delisted.")))]
pub(crate) async fn delete_contribution(
    request: HttpRequest,
    caller: PersonCaller,
    path: web::Path<String>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = contribution_in(&path)?;
    let owner = EntityId::user(caller.environment, &caller.user());
    let tag = request_tag(&request, &idempotency, fingerprint(b""))?;
    let answered = state.node.ask(&owner, DeleteContribution { id }, tag).await?;
    state.erase_if_unneeded(ContentHash::new(answered.reply.sha256)).await?;
    let view = DeletedView { contribution_id: id.to_string(), deleted: true };
    Ok(with_origin(ok(&view), &answered))
}

/// A part of the content: for its owner, and for everybody once it is listed
///
/// Photos are made smaller and carry no metadata; texts are cut. Never the whole.
#[utoipa::path(get, path = "/v1/contributions/{id}/preview", tag = "Contributions",
    params(ContributionPath),
    responses((status = 200, description = "A JPEG, or text.",
        content((Vec<u8> = "image/jpeg"), (String = "text/plain; charset=utf-8")))))]
pub(crate) async fn preview_contribution(
    caller: AnyCaller,
    path: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = contribution_in(&path)?;
    state.up_to_date().await;
    let (node, environment) = (state.node.clone(), caller.environment);
    let owner = state.blocking(move || node.contributor(environment, id)).await?;
    let owner = owner.ok_or_else(no_such_contribution)?;
    let is_own = caller.person().is_some_and(|user| EntityId::user(environment, &user) == owner);
    let look = move |user: &priv_domain::Entity<User>| {
        let machine = &user.machine;
        let shown = is_own || machine.listing_of(id).is_some();
        machine.contribution(id).filter(|_| shown).map(|known| (known.sha256, known.media_type))
    };
    let found = state.node.read_durable::<User, _>(&owner, look).await?.reply;
    let (sha256, media_type) = found.ok_or_else(no_such_contribution)?;
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
