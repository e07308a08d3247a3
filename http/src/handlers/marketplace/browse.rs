//! Browsing: every filter and sort over what the projector keeps, as it is after all that was
//! answered before.

use crate::wire::amount::Priv;
use crate::wire::params::ListingPath;
use crate::wire::schemas::{CategoryName, SortName, Success};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

use actix_web::{HttpResponse, web};
use priv_domain::listing::ListingSummary;
use priv_domain::market::{Category, ListingStatus};
use priv_domain::user::User;
use priv_domain::{Entity, EntityId, ListingId, Micros};
use serde::{Deserialize, Serialize};

use super::view::{ListingView, seller_view};
use super::{listing_in, no_such_listing};
use crate::error::{ApiError, Detail};
use crate::extract::caller::AnyCaller;
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::envelope::ok;
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::time::Rfc3339;

/// The query of `GET /marketplace/wallet/listings`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BrowseQuery {
    /// Only listings of this.
    #[param(inline, value_type = Option<CategoryName>)]
    category: Option<String>,
    /// At least this price.
    #[serde(rename = "minPrice")]
    #[param(value_type = Option<Priv>)]
    min_price: Option<String>,
    /// At most this price.
    #[serde(rename = "maxPrice")]
    #[param(value_type = Option<Priv>)]
    max_price: Option<String>,
    /// In this order; `newest` unless it is said.
    #[param(inline, value_type = Option<SortName>)]
    sort: Option<String>,
    /// Each word is in the title, the description or a tag.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Which page, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<String>,
    /// How many a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// A `next_cursor` as it was given: what follows it. Goes before `page`.
    cursor: Option<String>,
}

#[derive(Clone, Copy)]
enum Sort {
    Newest,
    Oldest,
    PriceLow,
    PriceHigh,
    MostSales,
    HighestRated,
}

impl Sort {
    const ALL: [(&'static str, Self); 6] = [
        ("newest", Self::Newest),
        ("oldest", Self::Oldest),
        ("price_low", Self::PriceLow),
        ("price_high", Self::PriceHigh),
        ("most_sales", Self::MostSales),
        ("highest_rated", Self::HighestRated),
    ];

    /// A listing's place, so that order by it is list order; the newest first among equals.
    fn place(self, summary: &ListingSummary) -> (u64, u128) {
        let newest_first = u128::MAX - summary.id.get();
        // In thousandths of a star.
        let rating = summary.stars.saturating_mul(1_000).checked_div(summary.ratings.into());
        match self {
            Self::Newest => (0, newest_first),
            Self::Oldest => (0, summary.id.get()),
            Self::PriceLow => (summary.price.get(), newest_first),
            Self::PriceHigh => (u64::MAX - summary.price.get(), newest_first),
            Self::MostSales => (u64::MAX - u64::from(summary.sales), newest_first),
            Self::HighestRated => (u64::MAX - rating.unwrap_or(0), newest_first),
        }
    }
}

/// A checked query.
struct Wanted {
    category: Option<Category>,
    min_price: Option<Micros>,
    max_price: Option<Micros>,
    sort: Sort,
    words: Vec<String>,
    tag: Option<String>,
}

impl Wanted {
    fn check(query: &BrowseQuery) -> Result<Self, ApiError> {
        let mut details = Vec::new();
        let category = query.category.as_deref().map(Category::from_name);
        if category == Some(None) {
            let issue = "must be one of photo, video, voice, text, mixed";
            details.push(Detail::new("category", issue));
        }
        let mut price = |path: &str, text: &Option<String>| match text.as_deref().map(str::parse) {
            None => None,
            Some(Ok(price)) => Some(price),
            Some(Err(issue)) => {
                let issue: priv_domain::money::NotAnAmount = issue;
                details.push(Detail::new(path, issue.to_string()));
                None
            }
        };
        let min_price = price("minPrice", &query.min_price);
        let max_price = price("maxPrice", &query.max_price);
        let name = query.sort.as_deref().unwrap_or("newest");
        let sort = Sort::ALL.iter().find(|(known, _)| *known == name).map(|(_, sort)| *sort);
        if sort.is_none() {
            let names: Vec<&str> = Sort::ALL.iter().map(|(name, _)| *name).collect();
            details.push(Detail::new("sort", format!("must be one of {}", names.join(", "))));
        }
        if query.q.as_ref().is_some_and(|q| q.chars().count() > 200) {
            details.push(Detail::new("q", "must have at most 200 characters"));
        }
        let Some(sort) = sort.filter(|_| details.is_empty()) else {
            return Err(ApiError::validation(details));
        };
        let words = query.q.as_deref().unwrap_or_default().split_whitespace();
        let words = words.map(str::to_lowercase).collect();
        let tag = query.tag.as_deref().map(str::to_lowercase);
        Ok(Self { category: category.flatten(), min_price, max_price, sort, words, tag })
    }

    fn picks(&self, summary: &ListingSummary) -> bool {
        summary.status == ListingStatus::Active
            && !summary.sold_out
            && self.category.is_none_or(|wanted| wanted == summary.category)
            && self.min_price.is_none_or(|least| least <= summary.price)
            && self.max_price.is_none_or(|most| summary.price <= most)
            && self
                .tag
                .as_ref()
                .is_none_or(|wanted| summary.tags.iter().any(|tag| tag.to_lowercase() == *wanted))
            && self.says(summary)
    }

    /// Whether every word is in its title, its description or one of its tags.
    fn says(&self, summary: &ListingSummary) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let tags = summary.tags.join(" ");
        let text = [&*summary.title, &*summary.description, &tags].join(" ").to_lowercase();
        self.words.iter().all(|word| text.contains(word))
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Listings)]
struct BrowseView {
    listings: Vec<ListingView>,
    pagination: Pagination,
    next_cursor: Option<String>,
}

/// What is for sale
#[utoipa::path(get, path = "/v1/marketplace/wallet/listings", tag = "Marketplace",
    responses((status = 200, body = Success<BrowseView>)))]
pub(crate) async fn browse_listings(
    caller: AnyCaller,
    query: QueryParams<BrowseQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::check(&query.0)?;
    let page = PageQuery::read(&query.0.page, &query.0.limit, &query.0.cursor)?.check()?;
    state.up_to_date().await;
    let sort = wanted.sort;
    let (node, environment) = (state.node.clone(), caller.environment);
    let found = web::block(move || {
        let mut found = node.pick_listings(environment, |summary| wanted.picks(summary));
        found.sort_by_key(|summary| wanted.sort.place(summary));
        found
    });
    let found = found.await.map_err(|error| ApiError::server_error(&error))?;
    let (part, pagination, next_cursor) = page.part_of(found, |summary| {
        let (first, then) = sort.place(summary);
        format!("{first:016x}{then:032x}")
    });
    let listings = views(&state, &part).await?;
    Ok(ok(&BrowseView { listings, pagination, next_cursor }))
}

async fn views(
    state: &AppState,
    summaries: &[Arc<ListingSummary>],
) -> Result<Vec<ListingView>, ApiError> {
    let mut sellers = HashMap::new();
    let mut views = Vec::with_capacity(summaries.len());
    for summary in summaries {
        if !sellers.contains_key(&summary.seller) {
            let seller = seller_view(state, &summary.seller).await?;
            sellers.insert(summary.seller.clone(), seller);
        }
        if let Some(seller) = sellers.get(&summary.seller) {
            views.push(ListingView::of(summary, seller.clone()));
        }
    }
    Ok(views)
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListingWithRatings)]
struct OneView {
    #[serde(flatten)]
    listing: ListingView,
    ratings: Vec<RatingView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListingRating)]
struct RatingView {
    stars: u8,
    #[schema(value_type = Option<String>)]
    comment: Option<Box<str>>,
    rated_at: Rfc3339,
}

/// Ratings that are shown of one listing.
const RATINGS_SHOWN: usize = 20;

/// One listing, with its latest ratings
///
/// One that is not active is there for its seller and its buyers only.
#[utoipa::path(get, path = "/v1/marketplace/wallet/listings/{id}", tag = "Marketplace",
    params(ListingPath),
    responses((status = 200, body = Success<OneView>)))]
pub(crate) async fn get_listing(
    caller: AnyCaller,
    path: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = listing_in(&path)?;
    state.up_to_date().await;
    let summary = state.node.listing(caller.environment, id);
    let summary = summary.ok_or_else(no_such_listing)?;
    let is_public = summary.status == ListingStatus::Active;
    if !is_public && !may_see(&state, &caller, &summary, id).await? {
        return Err(no_such_listing());
    }
    let node = state.node.clone();
    let ratings =
        state.blocking(move || node.ratings(id).take(1_000).collect::<Result<Vec<_>, _>>());
    let mut ratings = ratings.await?;
    ratings.sort_by_key(|line| Reverse(line.at));
    ratings.truncate(RATINGS_SHOWN);
    let ratings = ratings.into_iter().map(|line| RatingView {
        stars: line.stars,
        comment: line.comment,
        rated_at: Rfc3339(line.at),
    });
    let seller = seller_view(&state, &summary.seller).await?;
    let listing = ListingView::of(&summary, seller);
    Ok(ok(&OneView { listing, ratings: ratings.collect() }))
}

async fn may_see(
    state: &AppState,
    caller: &AnyCaller,
    summary: &ListingSummary,
    id: ListingId,
) -> Result<bool, ApiError> {
    let Some(person) = caller.person() else { return Ok(false) };
    let me = EntityId::user(caller.environment, &person);
    if me == summary.seller {
        return Ok(true);
    }
    let bought = move |user: &Entity<User>| user.machine.purchase_of(id).is_some();
    Ok(state.node.read_durable::<User, _>(&me, bought).await?.reply)
}
