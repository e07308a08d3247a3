//! Selling: makes and changes listings.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use priv_domain::market::{Change, License, ListingStatus, MAX_FILES};
use priv_domain::user::{ChangeListing, CreateListing};
use priv_domain::{ContributionId, EntityId, ListingId};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::view::{ListingView, seller_view};
use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::extract::caller::PersonCaller;
use crate::extract::json::JsonBody;
use crate::extract::path::InPath;
use crate::idempotency::{Idempotency, with_origin};
use crate::state::AppState;
use crate::wire::amount::Price;
use crate::wire::envelope::{Success, created, ok};
use crate::wire::ids::ContributionIdText;
use crate::wire::integer::{Int, Positive};
use crate::wire::issues::{At, Issues};
use crate::wire::list::List;
use crate::wire::member::{Maybe, Member, Needed, body};
use crate::wire::schema::Schemas;
use crate::wire::text::Trimmed;
use crate::wire::words::{LicenseName, ListingStatusName};

body! {
    /// The body of `POST /…/listings`.
    pub(crate) struct NewListingBody {
        title: Needed<Title>,
        description: Needed<Description>,
        tags: Maybe<Tags>,
        price_priv: Needed<Price>,
        contribution_ids: Needed<Contents>,
        license: Maybe<LicenseName>,
        max_sales: Maybe<Positive>,
        status: Maybe<NewStatus>,
    }
    rules |at, issues| {
        let is_limited = match license {
            Some(Maybe(license)) => *license == Some(LicenseName(License::Limited)),
            None => false,
        };
        let at = At::Member(at, "max_sales");
        match (is_limited, max_sales) {
            (true, Some(Maybe(None))) => {
                issues.note(&at, "is required where the license is limited");
            }
            (false, Some(Maybe(Some(_)))) => {
                issues.note(&at, "goes with the license limited only");
            }
            (true | false, _) => {}
        }
    }
    says { "oneOf": [
        {
            "properties": { "license": { "enum": ["limited"] } },
            "required": ["license", "max_sales"],
        },
        {
            "properties": { "license": { "enum": ["single_use", "unlimited", "exclusive"] } },
            "not": { "required": ["max_sales"] },
        },
    ] }
}

body! {
    /// The body of `PUT /…/listings/{id}`; what is left out stays as it is.
    pub(crate) struct ListingBody {
        title: Maybe<Title>,
        description: Maybe<Description>,
        tags: Maybe<Tags>,
        price_priv: Maybe<Price>,
        contribution_ids: Maybe<Contents>,
        license: Maybe<LicenseName>,
        max_sales: Maybe<Positive>,
        status: Maybe<ListingStatusName>,
    }
}

// Lengths are those of the stored texts, without the blanks around them.
type Title = Trimmed<5, 200>;
type Description = Trimmed<20, 5000>;
type Tags = List<Tag, 0, 10>;
type Contents = List<ContributionIdText, 1, MAX_FILES>;

/// A tag of a listing, of 1 to 50 characters.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 50, pattern = r"\S")]
pub(crate) struct Tag(Box<str>);

impl Member for Tag {
    type Sent = Box<str>;

    fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        Trimmed::<1, 50>::check(sent, at, issues).map(|Trimmed(tag)| Self(tag))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.reference::<Self>()
    }
}

/// The status of a new listing, which can only be `active`.
#[derive(Debug)]
pub(crate) struct NewStatus;

impl Member for NewStatus {
    type Sent = Box<str>;

    fn check(sent: Box<str>, at: &At<'_>, issues: &mut Issues) -> Option<Self> {
        if *sent != *ListingStatus::Active.as_str() {
            issues.note(at, "a new listing is active");
            return None;
        }
        Some(Self)
    }

    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string", "enum": [ListingStatus::Active.as_str()] })
    }
}

fn texts(tags: Tags) -> Vec<Box<str>> {
    tags.0.into_iter().map(|Tag(tag)| tag).collect()
}

fn contributions(ids: Contents) -> Vec<ContributionId> {
    ids.0.into_iter().map(|ContributionIdText(id)| id).collect()
}

/// Offers contributions for sale
///
/// Title, description, price and contributions are required; each contribution is the caller's,
/// approved, with `consent_commercial`.
#[utoipa::path(post, path = "/v1/marketplace/wallet/listings", tag = "Marketplace",
    responses((status = 201, body = Success<ListingView>), (status = 404), (status = 409)))]
pub(crate) async fn create_listing(
    caller: PersonCaller,
    body: JsonBody<NewListingBody>,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let new = new_listing(body.value);
    let seller = EntityId::user(caller.environment, &caller.user());
    let answered = state.node.ask(&seller, new, tag).await?;
    let summary = &answered.reply;
    let view = ListingView::of(summary, seller_view(&state, &seller).await?);
    let response = created(&format!("/v1/marketplace/wallet/listings/{}", summary.id), &view);
    Ok(with_origin(response, answered.origin))
}

fn new_listing(body: NewListingBody) -> CreateListing {
    // A new listing is active, whether the body says so or not.
    let Maybe(None | Some(NewStatus)) = body.status;
    CreateListing {
        title: body.title.0.0,
        description: body.description.0.0,
        tags: body.tags.0.map(texts).unwrap_or_default(),
        price: body.price_priv.0.0,
        license: body.license.0.map(|LicenseName(license)| license).unwrap_or_default(),
        max_sales: body.max_sales.0.map(|Int(sales)| sales),
        contributions: contributions(body.contribution_ids.0),
    }
}

/// Changes a listing: any of its members, or whether it is for sale
///
/// Earlier purchases keep their terms.
#[utoipa::path(put, path = "/v1/marketplace/wallet/listings/{id}", tag = "Marketplace",
    responses((status = 200, body = Success<ListingView>), (status = 409)))]
pub(crate) async fn change_listing(
    caller: PersonCaller,
    InPath(listing): InPath<ListingId>,
    body: JsonBody<ListingBody>,
    IfMatch(if_version): IfMatch,
    idempotency: Idempotency,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tag = idempotency.tag(|| body.fingerprint());
    let body = body.value;
    let change = Change {
        if_version,
        title: body.title.0.map(|Trimmed(title)| title),
        description: body.description.0.map(|Trimmed(description)| description),
        tags: body.tags.0.map(texts),
        price: body.price_priv.0.map(|Price(price)| price),
        license: body.license.0.map(|LicenseName(license)| license),
        max_sales: body.max_sales.0.map(|Int(sales)| sales),
        files: None,
        status: body.status.0.map(|ListingStatusName(status)| status),
    };
    let contributions = body.contribution_ids.0.map(contributions);
    let seller = EntityId::user(caller.environment, &caller.user());
    let command = ChangeListing { listing, change, contributions };
    let answered = state.node.ask(&seller, command, tag).await?;
    let view = ListingView::of(&answered.reply, seller_view(&state, &seller).await?);
    Ok(with_origin(ok(&view), answered.origin))
}

/// The version in `If-Match`, with or without quotes; `None` for `*`, and where there is none.
pub(crate) struct IfMatch(Option<u32>);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(header::IF_MATCH) else {
            return ready(Ok(Self(None)));
        };
        ready(match value.to_str().unwrap_or_default().trim().trim_matches('"') {
            "*" => Ok(Self(None)),
            version => version.parse().map(Some).map(Self).map_err(|_| {
                ApiError::invalid_field("If-Match", "must be the listing's version, such as \"3\"")
            }),
        })
    }
}

impl Argument for IfMatch {
    fn describe(draft: &mut Draft) {
        draft.reads_parameter(json!({
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "The version that is to be changed.",
            "schema": { "type": "string", "pattern": r#"^("[0-9]{1,9}"|[0-9]{1,9}|\*)$"# },
        }));
        draft.fails_with(&[ErrorCode::ValidationError]);
    }
}
