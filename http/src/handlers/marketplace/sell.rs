//! Offering for sale: `POST` and `PUT` of listings.

use crate::wire::params::ListingPath;
use crate::wire::schemas::{
    ContributionIdText, LicenseName, ListingStatusName, NewListingBody, PriceAmount, Success,
    TagText,
};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use priv_domain::market::{Change, License, ListingStatus, MAX_FILES};
use priv_domain::user::{ChangeListing, CreateListing};
use priv_domain::{ContributionId, EntityId, Micros};
use serde::Deserialize;
use utoipa::ToSchema;

use super::listing_in;
use super::view::{ListingView, seller_view};
use crate::error::refusal::with_origin;
use crate::error::{ApiError, Detail};
use crate::extract::caller::PersonCaller;
use crate::extract::idempotency::IdempotencyKey;
use crate::extract::json::JsonBody;
use crate::request_tag::request_tag;
use crate::state::AppState;
use crate::wire::amount::Priv;
use crate::wire::envelope::{created, ok};
use crate::wire::integer::Whole;
use crate::wire::json::present;

/// The least price: 0.01 PRIV.
const MIN_PRICE: Micros = Micros::new(10_000);
const MAX_TAGS: usize = 10;

/// The body of `POST` and `PUT`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListingBody {
    #[serde(deserialize_with = "present")]
    #[schema(value_type = String, min_length = 5, max_length = 200, pattern = r"^\S[\s\S]{3,}\S$")]
    title: Option<Box<str>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = String, min_length = 20, max_length = 5000, pattern = r"^\S[\s\S]{18,}\S$")]
    description: Option<Box<str>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Vec<TagText>, max_items = 10)]
    tags: Option<Vec<Box<str>>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = PriceAmount)]
    price_priv: Option<Priv>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Vec<ContributionIdText>, min_items = 1, max_items = 10000)]
    contribution_ids: Option<Vec<Box<str>>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = LicenseName)]
    license: Option<Box<str>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = u32, minimum = 1)]
    max_sales: Option<Whole<u32>>,
    #[serde(deserialize_with = "present")]
    #[schema(value_type = ListingStatusName)]
    status: Option<Box<str>>,
}

/// What a body says, checked as far as that goes without knowing the listing.
struct Checked {
    title: Option<Box<str>>,
    description: Option<Box<str>>,
    tags: Option<Vec<Box<str>>>,
    price: Option<Micros>,
    contributions: Option<Vec<ContributionId>>,
    license: Option<License>,
    max_sales: Option<u32>,
    status: Option<ListingStatus>,
}

fn check(mut body: ListingBody, mut details: Vec<Detail>) -> Result<Checked, ApiError> {
    // What is counted is what is kept: blanks around a text are no part of it.
    let tags = body.tags.iter_mut().flatten();
    for text in tags.chain(&mut body.title).chain(&mut body.description) {
        *text = text.trim().into();
    }
    let mut length = |path: &str, text: &Option<Box<str>>, least: usize, most: usize| {
        let count = text.as_deref().map(|text| text.chars().count());
        if count.is_some_and(|count| !(least..=most).contains(&count)) {
            details.push(Detail::new(path, format!("must have {least} to {most} characters")));
        }
    };
    length("title", &body.title, 5, 200);
    length("description", &body.description, 20, 5_000);
    if let Some(tags) = &body.tags {
        if tags.len() > MAX_TAGS {
            details.push(Detail::new("tags", "must be at most 10"));
        }
        for (index, tag) in tags.iter().enumerate().take(MAX_TAGS) {
            if !(1..=50).contains(&tag.chars().count()) {
                let issue = "must have 1 to 50 characters";
                details.push(Detail::new(format!("tags[{index}]"), issue));
            }
        }
    }
    let price = body.price_priv.map(|Priv(price)| price);
    if price.is_some_and(|price| price < MIN_PRICE) {
        details.push(Detail::new("price_priv", "must be at least 0.01"));
    }
    let license = body.license.as_deref().map(License::from_name);
    if license == Some(None) {
        let issue = "must be one of single_use, limited, unlimited, exclusive";
        details.push(Detail::new("license", issue));
    }
    let status = body.status.as_deref().map(ListingStatus::from_name);
    if status == Some(None) {
        details.push(Detail::new("status", "must be one of active, paused, delisted"));
    }
    if body.max_sales == Some(Whole(0)) {
        details.push(Detail::new("max_sales", "must be 1 or more"));
    }
    let contributions = contributions(body.contribution_ids, &mut details);
    if !details.is_empty() {
        return Err(ApiError::validation(details));
    }
    Ok(Checked {
        title: body.title,
        description: body.description,
        tags: body.tags,
        price,
        contributions,
        license: license.flatten(),
        max_sales: body.max_sales.map(|Whole(sales)| sales),
        status: status.flatten(),
    })
}

fn contributions(
    ids: Option<Vec<Box<str>>>,
    details: &mut Vec<Detail>,
) -> Option<Vec<ContributionId>> {
    let ids = ids?;
    if !(1..=MAX_FILES).contains(&ids.len()) {
        details.push(Detail::new("contribution_ids", "must be 1 to 10000"));
        return None;
    }
    let mut known = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        match id.parse() {
            Ok(id) => known.push(id),
            Err(_) if details.len() < 20 => {
                let path = format!("contribution_ids[{index}]");
                details.push(Detail::new(path, "must be an id like contrib_…"));
            }
            Err(_) => {}
        }
    }
    Some(known)
}

/// Offers contributions for sale
///
/// Title, description, price and contributions are required; each contribution is the caller's,
/// approved, with `consent_commercial`.
#[utoipa::path(post, path = "/v1/marketplace/wallet/listings", tag = "Marketplace",
    request_body = NewListingBody,
    responses((status = 201, body = Success<ListingView>), (status = 404), (status = 409)))]
pub(crate) async fn create_listing(
    request: HttpRequest,
    caller: PersonCaller,
    body: JsonBody<ListingBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let new = new_listing(body.value)?;
    let seller = EntityId::user(caller.environment, &caller.user());
    let answered = state.node.ask(&seller, new, tag).await?;
    let summary = &answered.reply;
    let view = ListingView::of(summary, seller_view(&state, &seller).await?);
    let response = created(&format!("/v1/marketplace/wallet/listings/{}", summary.id), &view);
    Ok(with_origin(response, &answered))
}

fn new_listing(body: ListingBody) -> Result<CreateListing, ApiError> {
    let mut missing = Vec::new();
    let mut require = |path: &str, is_there: bool| {
        if !is_there {
            missing.push(Detail::new(path, "is required"));
        }
    };
    require("title", body.title.is_some());
    require("description", body.description.is_some());
    require("price_priv", body.price_priv.is_some());
    require("contribution_ids", body.contribution_ids.is_some());
    let is_limited = body.license.as_deref() == Some(License::Limited.as_str());
    if is_limited && body.max_sales.is_none() {
        missing.push(Detail::new("max_sales", "is required where the license is limited"));
    }
    if !is_limited && body.max_sales.is_some() {
        missing.push(Detail::new("max_sales", "goes with the license limited only"));
    }
    if body.status.as_deref().is_some_and(|status| status != "active") {
        missing.push(Detail::new("status", "a new listing is active"));
    }
    let checked = check(body, missing)?;
    let missing = || ApiError::server_error(&std::io::Error::other("a required field is missing"));
    Ok(CreateListing {
        title: checked.title.ok_or_else(missing)?,
        description: checked.description.ok_or_else(missing)?,
        tags: checked.tags.unwrap_or_default(),
        price: checked.price.ok_or_else(missing)?,
        license: checked.license.unwrap_or_default(),
        max_sales: checked.max_sales,
        contributions: checked.contributions.ok_or_else(missing)?,
    })
}

/// Changes a listing: any of its members, or whether it is for sale
///
/// What was bought keeps its terms.
#[utoipa::path(put, path = "/v1/marketplace/wallet/listings/{id}", tag = "Marketplace",
    params(ListingPath, ("If-Match" = Option<String>, Header, pattern = r#"^("[0-9]{1,9}"|[0-9]{1,9}|\*)$"#,
            description = "The version that is to be changed.")),
    responses((status = 200, body = Success<ListingView>), (status = 409)))]
pub(crate) async fn change_listing(
    request: HttpRequest,
    caller: PersonCaller,
    path: web::Path<String>,
    body: JsonBody<ListingBody>,
    idempotency: IdempotencyKey,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let listing = listing_in(&path)?;
    let tag = request_tag(&request, &idempotency, body.fingerprint())?;
    let if_version = if_match(&request)?;
    let checked = check(body.value, Vec::new())?;
    let change = Change {
        if_version,
        title: checked.title,
        description: checked.description,
        tags: checked.tags,
        price: checked.price,
        license: checked.license,
        max_sales: checked.max_sales,
        files: None,
        status: checked.status,
    };
    let seller = EntityId::user(caller.environment, &caller.user());
    let command = ChangeListing { listing, change, contributions: checked.contributions };
    let answered = state.node.ask(&seller, command, tag).await?;
    let view = ListingView::of(&answered.reply, seller_view(&state, &seller).await?);
    Ok(with_origin(ok(&view), &answered))
}

/// The version in `If-Match`, with or without quotes; `*` asks for none in particular.
fn if_match(request: &HttpRequest) -> Result<Option<u32>, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if text == "*" {
        return Ok(None);
    }
    let issue = "must be the listing's version, such as \"3\"";
    text.parse().map(Some).map_err(|_| ApiError::invalid_field("If-Match", issue))
}
