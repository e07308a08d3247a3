//! Downloads of bought files: links that are valid for a while, or one archive.

use actix_web::{HttpRequest, HttpResponse, web};
use priv_blobs::ContentHash;
use priv_domain::contribution::MediaType;
use priv_domain::listing::Listing;
use priv_domain::market::File;
use priv_domain::user::User;
use priv_domain::{ContributionId, Entity, EntityId, ListingId, PurchaseId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::download::archive;
use crate::download::range::{ContentAnswer, WantedPart, serve};
use crate::download::signed_url::{GOOD_MILLIS, NoLink};
use crate::error::ApiError;
use crate::extract::caller::PersonCaller;
use crate::extract::path::{InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::middleware::RequestContext;
use crate::state::AppState;
use crate::wire::envelope::{Success, ok};
use crate::wire::ids::{ContributionIdText, HashText, ListingIdText, PurchaseIdText};
use crate::wire::param::query;
use crate::wire::time::Rfc3339;
use crate::wire::words::words;

query! {
    /// The query of `GET /…/download`.
    pub(crate) struct DownloadQuery {
        /// `json`, the default, gives a link to each file; `zip` gives one archive with all of
        /// them.
        format: Option<Format>,
    }
}

words! {
    /// How the files are given.
    shown pub(crate) enum Format as "DownloadFormat" {
        Links = "json",
        Zip = "zip",
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Download)]
struct DownloadView {
    purchase_id: PurchaseIdText,
    listing_id: ListingIdText,
    files: Vec<FileView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DownloadFile)]
struct FileView {
    contribution_id: ContributionIdText,
    name: String,
    size: u64,
    sha256: HashText,
    content_type: &'static str,
    url: String,
    expires_at: Rfc3339,
}

/// The name under which a file is downloaded; never the one that its owner gave it.
fn file_name(contribution: ContributionId, media_type: MediaType) -> String {
    format!("{contribution}.{}", media_type.extension())
}

/// The files of a bought listing: links that are valid for 15 minutes, or one zip archive
#[utoipa::path(get, path = "/v1/marketplace/wallet/listings/{id}/download", tag = "Marketplace",
    responses((status = 200,
        content((Success<DownloadView> = "application/json"), (Vec<u8> = "application/zip")))))]
pub(crate) async fn download_listing(
    request: HttpRequest,
    caller: PersonCaller,
    InPath(listing): InPath<ListingId>,
    query: QueryParams<DownloadQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let me = EntityId::user(caller.environment, &caller.user());
    answer(&request, &state, &me, listing, query.0.format).await
}

/// The files of a purchase: links that are valid for 15 minutes, or one zip archive
#[utoipa::path(get, path = "/v1/marketplace/wallet/purchases/{id}/download", tag = "Marketplace",
    responses((status = 200,
        content((Success<DownloadView> = "application/json"), (Vec<u8> = "application/zip")))))]
pub(crate) async fn download_purchase(
    request: HttpRequest,
    caller: PersonCaller,
    InPath(id): InPath<PurchaseId>,
    query: QueryParams<DownloadQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let me = EntityId::user(caller.environment, &caller.user());
    let look = move |buyer: &Entity<User>| Some(buyer.machine.purchase(id)?.0);
    let listing = state.node.read_durable::<User, _>(&me, look).await?.reply;
    let listing = listing.ok_or_else(PurchaseId::missing)?;
    answer(&request, &state, &me, listing, query.0.format).await
}

/// What `me` bought of a listing, as links or an archive.
async fn answer(
    request: &HttpRequest,
    state: &AppState,
    me: &EntityId,
    listing: ListingId,
    format: Option<Format>,
) -> Result<HttpResponse, ApiError> {
    let (purchase, files) = bought(state, me, listing).await?;
    if format == Some(Format::Zip) {
        let entries = files.iter().map(|file| archive::Entry {
            name: file_name(file.contribution, file.media_type),
            hash: ContentHash::new(file.sha256),
            size: file.size,
        });
        return Ok(archive::answer(&state.blobs, &format!("{purchase}.zip"), entries.collect()));
    }
    let context = RequestContext::of(request)?;
    let expires_at = state.now().plus_millis(GOOD_MILLIS);
    let (scheme, host) = context.public_address();
    let base = format!("{scheme}://{host}");
    let files = files.iter().map(|file| FileView {
        contribution_id: file.contribution.into(),
        name: file_name(file.contribution, file.media_type),
        size: file.size,
        sha256: HashText(ContentHash::new(file.sha256).to_string()),
        content_type: file.media_type.as_str(),
        url: format!("{base}/v1/marketplace/files/{}", state.file_links.sign(file, expires_at)),
        expires_at: Rfc3339(expires_at),
    });
    Ok(ok(&DownloadView {
        purchase_id: purchase.into(),
        listing_id: listing.into(),
        files: files.collect(),
    }))
}

/// The purchase of a listing, and its files as they were then. NOT_FOUND for everybody else.
async fn bought(
    state: &AppState,
    me: &EntityId,
    listing: ListingId,
) -> Result<(PurchaseId, std::sync::Arc<[File]>), ApiError> {
    let look = move |user: &Entity<User>| {
        let order = &user.machine.purchase_of(listing)?.order;
        Some((order.purchase, order.contents))
    };
    let found = state.node.read_durable::<User, _>(me, look).await?.reply;
    let (purchase, contents) = found.ok_or_else(ListingId::missing)?;
    let id = EntityId::listing(me.environment, listing);
    let look = move |listing: &Entity<Listing>| {
        listing.machine.contents(contents).map(|contents| contents.files.clone())
    };
    let files = state.node.read_durable::<Listing, _>(&id, look).await?.reply;
    Ok((purchase, files.ok_or_else(ListingId::missing)?))
}

/// A bought file; needs no credential but the link itself
#[utoipa::path(get, path = "/v1/marketplace/files/{link}", tag = "Marketplace",
    params(("link" = String, Path, description = "As it was given by a download.")),
    responses((status = 200, body = Vec<u8>, content_type = "*/*"),
        (status = 206, body = Vec<u8>, content_type = "*/*", description = "The bytes that were asked for.",
            headers(("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 403, description = "FORBIDDEN: the link was not made here, or (`expired`) is too old."),
        (status = 416, description = "INVALID_REQUEST: there are no such bytes.",
            headers(("Content-Range" = String, description = "`bytes */` and how many there are.")))))]
pub(crate) async fn get_file(
    path: web::Path<String>,
    wanted: WantedPart,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let file = state.file_links.check(&path, state.now()).map_err(|why| match why {
        NoLink::Forged => ApiError::forbidden("This link was not made here, or was changed"),
        NoLink::Expired => ApiError::forbidden("This link has expired: ask for the download again")
            .with_reason("expired"),
    })?;
    let content = ContentAnswer {
        hash: ContentHash::new(file.sha256),
        content_type: file.media_type.as_str(),
        file_name: &file_name(file.contribution, file.media_type),
    };
    serve(&wanted, &state.blobs, content).await
}
