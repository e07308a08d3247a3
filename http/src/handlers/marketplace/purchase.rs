//! Purchases: buying, rating, and the lists of what was bought and sold.

use std::cmp::Reverse;

use actix_web::{HttpResponse, web};
use data_encoding::HEXLOWER;
use priv_actors::purchasing::Wanted;
use priv_domain::market::{Fees, Purchase};
use priv_domain::user::{Bought, Purchased, RateListing, Rated, User};
use priv_domain::views::{PurchaseLine, Sale};
use priv_domain::{Entity, EntityId, ListingId, PurchaseId};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::pseudonym;
use crate::error::ApiError;
use crate::extract::caller::PersonCaller;
use crate::extract::json::{JsonBody, OptionalJsonBody};
use crate::extract::path::{InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::handlers::contributions::newest_first;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, created, ok};
use crate::wire::ids::{ListingIdText, PurchaseIdText};
use crate::wire::integer::{Count, Int};
use crate::wire::member::{Maybe, body};
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::param::query;
use crate::wire::text::Text;
use crate::wire::time::Rfc3339;
use crate::wire::words::{LicenseName, words};

body! {
    /// The body of `POST /…/purchase`.
    pub(crate) struct PurchaseBody: default {
        expected_price_priv: Maybe<Amount>,
        expected_version: Maybe<Count>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Purchase)]
struct PurchaseView {
    purchase_id: PurchaseIdText,
    listing_id: ListingIdText,
    title: Box<str>,
    price_priv: Amount,
    fee_priv: Amount,
    license: LicenseName,
    status: &'static str,
    purchased_at: Rfc3339,
    download_url: String,
    receipt: String,
}

/// The facts that a purchase's receipt signs, listed in `docs/receipts.md`.
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
    price_priv: Amount,
    fee_priv: Amount,
    buyer: &'a str,
    seller: String,
    purchased_at: Rfc3339,
}

/// Buys a listing
#[utoipa::path(post, path = "/v1/marketplace/wallet/listings/{id}/purchase", tag = "Marketplace",
    responses((status = 201, body = Success<PurchaseView>),
        (status = 200, body = Success<PurchaseView>, description = "It was bought before: no second charge."),
        (status = 402),
        (status = 409, description = "CONFLICT `own_listing`, `sold_out`, `paused`, `delisted`, `price_changed`, `version_changed`.")))]
pub(crate) async fn purchase_listing(
    caller: PersonCaller,
    InPath(listing): InPath<ListingId>,
    body: OptionalJsonBody<PurchaseBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.0.fingerprint());
    let PurchaseBody { expected_price_priv, expected_version } = body.0.value;
    let expected_price = expected_price_priv.0.map(|Amount(price)| price);
    let expected_version = expected_version.0.map(|Int(version)| version);
    let buyer = EntityId::user(caller.environment, &caller.user());
    let wanted = Wanted { listing, expected_price, expected_version };
    let answered = state.node.purchase(&buyer, wanted, tag).await?;
    let Purchased { purchase, bought, .. } = &answered.reply;
    let view = view(&state, &buyer, listing, purchase)?;
    let response = match bought {
        Bought::Now => created(&view.download_url, &view),
        Bought::Before => ok(&view),
    };
    Ok(with_origin(response, answered.origin))
}

/// One of the caller's purchases, with its receipt
#[utoipa::path(get, path = "/v1/marketplace/wallet/purchases/{id}", tag = "Marketplace",
    responses((status = 200, body = Success<PurchaseView>)))]
pub(crate) async fn get_purchase(
    caller: PersonCaller,
    InPath(id): InPath<PurchaseId>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let buyer = EntityId::user(caller.environment, &caller.user());
    let look = move |buyer: &Entity<User>| {
        let (listing, purchase) = buyer.machine.purchase(id)?;
        Some((listing, purchase.clone()))
    };
    let found = state.node.read_durable::<User, _>(&buyer, look).await?.reply;
    let (listing, purchase) = found.ok_or_else(PurchaseId::missing)?;
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
        purchase_id: order.purchase.into(),
        listing_id: listing.into(),
        title: order.title.clone(),
        price_priv: purchase.price.into(),
        fee_priv: fee.into(),
        license: order.license.into(),
        status: "completed",
        purchased_at: Rfc3339(purchase.at()),
        download_url: format!("/v1/marketplace/wallet/listings/{listing}/download"),
        receipt,
    })
}

query! {
    /// The query of `GET /marketplace/wallet/purchases`, besides that of a list.
    pub(crate) struct PurchasesQuery {
        /// The caller's side of the purchases; `buyer` if left out.
        role: Option<RoleName>,
    }
}

words! {
    /// The side of a purchase on which the caller is.
    shown pub(crate) enum RoleName as "PurchaseRole" {
        Buyer = "buyer",
        Seller = "seller",
    }
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
    purchase_id: PurchaseIdText,
    listing_id: ListingIdText,
    title: Box<str>,
    price_priv: Amount,
    fee_priv: Amount,
    license: LicenseName,
    status: &'static str,
    purchased_at: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<String>,
    /// What the seller earned; only in the seller's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    earned_priv: Option<Amount>,
}

/// The caller's purchases; with `role=seller` their sales, which don't tell who bought
#[utoipa::path(get, path = "/v1/marketplace/wallet/purchases", tag = "Marketplace",
    responses((status = 200, body = Success<PurchasesView>)))]
pub(crate) async fn list_purchases(
    caller: PersonCaller,
    query: QueryParams<(PurchasesQuery, PageQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (PurchasesQuery { role }, page) = query.0;
    let as_seller = role == Some(RoleName::Seller);
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
            purchase_id: (*id).into(),
            listing_id: line.listing.into(),
            title: line.title.clone(),
            price_priv: line.price.into(),
            fee_priv: fee.into(),
            license: line.license.into(),
            status: "completed",
            purchased_at: Rfc3339(id.made_at()),
            download_url: (!as_seller).then_some(download),
            earned_priv: as_seller.then(|| line.price.saturating_sub(fee).into()),
        }
    };
    let purchases = part.iter().map(line).collect();
    Ok(ok(&PurchasesView { purchases, pagination, next_cursor }))
}

/// A seller's sales, newest first. They are too many for the seller's state, so a list has them.
async fn sales(state: &AppState, seller: EntityId) -> Result<Vec<Sale>, ApiError> {
    state.up_to_date().await?;
    let node = state.node.clone();
    state.blocking(move || node.sales(&seller)).await
}

/// A buyer's purchases, newest first, from the buyer's own state.
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

body! {
    /// The body of `POST /…/rating`.
    pub(crate) struct RatingBody {
        stars: Int<u8, 1, 5>,
        comment: Option<Text<0, 1000>>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Rated)]
struct RatedView {
    listing_id: ListingIdText,
    purchase_id: PurchaseIdText,
    stars: u8,
}

/// Rates a bought listing; a later rating replaces it
#[utoipa::path(post, path = "/v1/marketplace/wallet/listings/{id}/rating", tag = "Marketplace",
    responses((status = 200, body = Success<RatedView>)))]
pub(crate) async fn rate_listing(
    caller: PersonCaller,
    InPath(listing): InPath<ListingId>,
    body: JsonBody<RatingBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let RatingBody { stars: Int(stars), comment } = body.value;
    let comment = comment.map(|Text(comment)| comment);
    let buyer = EntityId::user(caller.environment, &caller.user());
    let answered = state.node.ask(&buyer, RateListing { listing, stars, comment }, tag).await?;
    let Rated { purchase, stars } = answered.reply;
    let view = RatedView { listing_id: listing.into(), purchase_id: purchase.into(), stars };
    Ok(with_origin(ok(&view), answered.origin))
}
