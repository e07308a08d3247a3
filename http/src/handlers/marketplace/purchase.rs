//! Buying, and what was bought and sold.

use crate::wire::params::{ListingPath, PurchasePath};
use crate::wire::schemas::{RoleName, Success};
use std::cmp::Reverse;

use actix_web::{HttpRequest, HttpResponse, web};
use data_encoding::HEXLOWER;
use priv_actors::purchasing::Wanted;
use priv_domain::market::{Fees, Purchase};
use priv_domain::user::{Bought, Purchased, RateListing, Rated, User};
use priv_domain::views::{PurchaseLine, Sale};
use priv_domain::{Entity, EntityId, ListingId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::pseudonym;
use super::{listing_in, no_such_purchase, purchase_in};
use crate::error::refusal::with_origin;
use crate::error::{ApiError, Detail};
use crate::extract::caller::PersonCaller;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::json::{JsonBody, OptionalJsonBody};
use crate::extract::query::QueryParams;
use crate::handlers::contributions::newest_first;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::{created, ok};
use crate::wire::integer::Whole;
use crate::wire::json::present;
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::time::Rfc3339;

/// The body of `POST /…/purchase`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PurchaseBody {
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Priv)]
    expected_price_priv: Option<Priv>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = u32)]
    expected_version: Option<Whole<u32>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Purchase)]
struct PurchaseView {
    purchase_id: String,
    listing_id: String,
    #[schema(value_type = String)]
    title: Box<str>,
    price_priv: Priv,
    fee_priv: Priv,
    license: &'static str,
    status: &'static str,
    purchased_at: Rfc3339,
    download_url: String,
    receipt: String,
}

/// What a receipt of a purchase says. `docs/receipts.md` has the members.
#[derive(Serialize)]
struct PurchaseFacts<'a> {
    kind: &'static str,
    iat: i64,
    environment: &'static str,
    purchase_id: String,
    listing_id: String,
    title: &'a str,
    terms_version: u32,
    files_sha256: String,
    license: &'static str,
    price_priv: Priv,
    fee_priv: Priv,
    buyer: &'a str,
    seller: String,
    purchased_at: Rfc3339,
}

/// Buys a listing
#[utoipa::path(post, path = "/v1/marketplace/wallet/listings/{id}/purchase", tag = "Marketplace",
    params(ListingPath),
    responses((status = 201, body = Success<PurchaseView>),
        (status = 200, body = Success<PurchaseView>, description = "It was bought before: no second charge."),
        (status = 402),
        (status = 409, description = "CONFLICT `own_listing`, `sold_out`, `paused`, `delisted`, `price_changed`, `version_changed`.")))]
pub(crate) async fn purchase_listing(
    request: HttpRequest,
    caller: PersonCaller,
    path: web::Path<String>,
    body: OptionalJsonBody<PurchaseBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let listing = listing_in(&path)?;
    let tag = request_tag(&request, &idempotency, body.0.fingerprint())?;
    let PurchaseBody { expected_price_priv, expected_version } = body.0.value;
    let expected_price = expected_price_priv.map(|Priv(price)| price);
    let expected_version = expected_version.map(|Whole(version)| version);
    let buyer = EntityId::user(caller.environment, &caller.user());
    let wanted = Wanted { listing, expected_price, expected_version };
    let answered = state.node.purchase(&buyer, wanted, tag).await?;
    let Purchased { purchase, bought, .. } = &answered.reply;
    let view = view(&state, &buyer, listing, purchase)?;
    let response = match bought {
        Bought::Now => created(&view.download_url, &view),
        Bought::Before => ok(&view),
    };
    Ok(with_origin(response, &answered))
}

/// One of the caller's purchases, with its receipt
#[utoipa::path(get, path = "/v1/marketplace/wallet/purchases/{id}", tag = "Marketplace",
    params(PurchasePath),
    responses((status = 200, body = Success<PurchaseView>)))]
pub(crate) async fn get_purchase(
    caller: PersonCaller,
    path: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = purchase_in(&path)?;
    let buyer = EntityId::user(caller.environment, &caller.user());
    let look = move |buyer: &Entity<User>| {
        let (listing, purchase) = buyer.machine.purchase(id)?;
        Some((listing, purchase.clone()))
    };
    let found = state.node.read_durable::<User, _>(&buyer, look).await?.reply;
    let (listing, purchase) = found.ok_or_else(no_such_purchase)?;
    Ok(ok(&view(&state, &buyer, listing, &purchase)?))
}

fn view(
    state: &AppState,
    buyer: &EntityId,
    listing: ListingId,
    purchase: &Purchase,
) -> Result<PurchaseView, ApiError> {
    let order = &purchase.order;
    let fee = Fees::of(purchase.price).total();
    let (seller, _) = pseudonym(state, &order.seller);
    let facts = PurchaseFacts {
        kind: "purchase",
        iat: purchase.at().as_millis().div_euclid(1_000),
        environment: buyer.environment.as_str(),
        purchase_id: order.purchase.to_string(),
        listing_id: listing.to_string(),
        title: &order.title,
        terms_version: order.terms_version,
        files_sha256: HEXLOWER.encode(&order.files_hash),
        license: order.license.as_str(),
        price_priv: purchase.price.into(),
        fee_priv: fee.into(),
        buyer: &buyer.key,
        seller,
        purchased_at: Rfc3339(purchase.at()),
    };
    let receipt = state.receipts.sign(&facts).map_err(|error| ApiError::server_error(&error))?;
    Ok(PurchaseView {
        purchase_id: order.purchase.to_string(),
        listing_id: listing.to_string(),
        title: order.title.clone(),
        price_priv: purchase.price.into(),
        fee_priv: fee.into(),
        license: order.license.as_str(),
        status: "completed",
        purchased_at: Rfc3339(purchase.at()),
        download_url: format!("/v1/marketplace/wallet/listings/{listing}/download"),
        receipt,
    })
}

/// The query of `GET /marketplace/wallet/purchases`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PurchasesQuery {
    /// As buyer, or as seller.
    #[param(inline, value_type = Option<RoleName>)]
    role: Option<String>,
    /// Which page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<String>,
    /// How many a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Purchases)]
struct PurchasesView {
    purchases: Vec<LineView>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PurchaseLine)]
struct LineView {
    purchase_id: String,
    listing_id: String,
    #[schema(value_type = String)]
    title: Box<str>,
    price_priv: Priv,
    fee_priv: Priv,
    license: &'static str,
    status: &'static str,
    purchased_at: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<String>,
    /// What came to the seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    earned_priv: Option<Priv>,
}

/// What the caller bought; with `role=seller` what they sold, without who bought it
#[utoipa::path(get, path = "/v1/marketplace/wallet/purchases", tag = "Marketplace",
    responses((status = 200, body = Success<PurchasesView>)))]
pub(crate) async fn list_purchases(
    caller: PersonCaller,
    query: QueryParams<PurchasesQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let as_seller = match query.0.role.as_deref() {
        None | Some("buyer") => false,
        Some("seller") => true,
        Some(_) => return Err(ApiError::invalid_field("role", "must be buyer or seller")),
    };
    let page = PageQuery::read(&query.0.page, &query.0.limit, &query.0.cursor)?.check()?;
    let me = EntityId::user(caller.environment, &caller.user());
    let lines = match as_seller {
        true => sales(&state, me).await?,
        false => bought(&state, &me).await?,
    };
    let (part, pagination, next_cursor) = page.part_of(lines, |(id, _)| newest_first(id.get()));
    let line = |(id, line): &Sale| {
        let fee = Fees::of(line.price).total();
        let download = format!("/v1/marketplace/wallet/listings/{}/download", line.listing);
        LineView {
            purchase_id: id.to_string(),
            listing_id: line.listing.to_string(),
            title: line.title.clone(),
            price_priv: line.price.into(),
            fee_priv: fee.into(),
            license: line.license.as_str(),
            status: "completed",
            purchased_at: Rfc3339(id.made_at()),
            download_url: (!as_seller).then_some(download),
            earned_priv: as_seller.then(|| line.price.saturating_sub(fee).into()),
        }
    };
    let purchases = part.iter().map(line).collect();
    Ok(ok(&PurchasesView { purchases, pagination, next_cursor }))
}

/// What a seller sold, newest first: too much for memory, so a list.
async fn sales(state: &AppState, seller: EntityId) -> Result<Vec<Sale>, ApiError> {
    state.up_to_date().await;
    let node = state.node.clone();
    state.blocking(move || node.sales(&seller)).await
}

/// What a buyer bought, newest first: their own state has it.
async fn bought(state: &AppState, buyer: &EntityId) -> Result<Vec<Sale>, ApiError> {
    let look = |buyer: &Entity<User>| {
        let market = buyer.machine.market.as_ref();
        let purchases = market.into_iter().flat_map(|market| &market.purchases);
        let line = |(listing, bought): (&ListingId, &Purchase)| {
            let (title, license) = (bought.order.title.clone(), bought.order.license);
            let line = PurchaseLine { listing: *listing, title, price: bought.price, license };
            (bought.order.purchase, line)
        };
        purchases.map(line).collect::<Vec<_>>()
    };
    let mut lines = state.node.read_durable::<User, _>(buyer, look).await?.reply;
    lines.sort_by_key(|(id, _)| Reverse(*id));
    Ok(lines)
}

/// The body of `POST /…/rating`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatingBody {
    #[schema(value_type = u8, minimum = 1, maximum = 5)]
    stars: Whole<u8>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1000)]
    comment: Option<Box<str>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Rated)]
struct RatedView {
    listing_id: String,
    purchase_id: String,
    stars: u8,
}

/// Rates what was bought; a later rating replaces it
#[utoipa::path(post, path = "/v1/marketplace/wallet/listings/{id}/rating", tag = "Marketplace",
    params(ListingPath),
    responses((status = 200, body = Success<RatedView>)))]
pub(crate) async fn rate_listing(
    request: HttpRequest,
    caller: PersonCaller,
    path: web::Path<String>,
    body: JsonBody<RatingBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let listing = listing_in(&path)?;
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let RatingBody { stars: Whole(stars), comment } = body.value;
    let mut details = Vec::new();
    if !(1..=5).contains(&stars) {
        details.push(Detail::new("stars", "must be 1 to 5"));
    }
    if comment.as_ref().is_some_and(|comment| comment.chars().count() > 1_000) {
        details.push(Detail::new("comment", "must have at most 1000 characters"));
    }
    if !details.is_empty() {
        return Err(ApiError::validation(details));
    }
    let buyer = EntityId::user(caller.environment, &caller.user());
    let answered = state.node.ask(&buyer, RateListing { listing, stars, comment }, tag).await?;
    let Rated { purchase, stars } = answered.reply;
    let view =
        RatedView { listing_id: listing.to_string(), purchase_id: purchase.to_string(), stars };
    Ok(with_origin(ok(&view), &answered))
}
