//! Browses listings with filters and sorts. Lists hold everything that was answered before.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use priv_domain::listing_summary::ListingSummary;
use priv_domain::market::{Category, ListingStatus};
use priv_domain::user::User;
use priv_domain::{Entity, EntityId, ListingId, Micros};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{ListingView, seller_view};
use crate::error::ApiError;
use crate::extract::caller::AnyCaller;
use crate::extract::path::{InPath, PathParams};
use crate::extract::query::QueryParams;
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::envelope::{Success, ok};
use crate::wire::pagination::{PageQuery, Pagination};
use crate::wire::param::query;
use crate::wire::text::Text;
use crate::wire::time::Rfc3339;
use crate::wire::words::{CategoryName, words};

query! {
    /// The query of `GET /marketplace/wallet/listings`, besides that of a list.
    pub(crate) struct BrowseQuery {
        /// Only listings in this category.
        category: Option<CategoryName>,
        /// Only listings with at least this price, in PRIV.
        min_price: Option<Amount> as "minPrice",
        /// Only listings with at most this price, in PRIV.
        max_price: Option<Amount> as "maxPrice",
        /// The order; `newest` if left out.
        sort: Option<Sort>,
        /// Words, each of which must be in the title, the description or a tag.
        q: Option<Text<0, 200>>,
        /// Only listings with this tag, whatever its case.
        tag: Option<String>,
    }
}

words! {
    /// The order of listings.
    shown pub(crate) enum Sort as "ListingSort" {
        Newest = "newest",
        Oldest = "oldest",
        PriceLow = "price_low",
        PriceHigh = "price_high",
        MostSales = "most_sales",
        HighestRated = "highest_rated",
    }
}

impl Sort {
    /// A listing's sort key; among equals, the newest comes first.
    fn place(self, summary: &ListingSummary) -> (u64, u128) {
        let newest_first = u128::MAX - summary.id.get();
        // The average in thousandths of a star.
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

/// The listings that a query asks for.
struct Wanted {
    category: Option<Category>,
    min_price: Option<Micros>,
    max_price: Option<Micros>,
    words: Vec<String>,
    tag: Option<String>,
}

impl From<BrowseQuery> for Wanted {
    fn from(query: BrowseQuery) -> Self {
        let words = query.q.map(|Text(q)| q).unwrap_or_default();
        Self {
            category: query.category.map(|CategoryName(category)| category),
            min_price: query.min_price.map(|Amount(price)| price),
            max_price: query.max_price.map(|Amount(price)| price),
            words: words.split_whitespace().map(str::to_lowercase).collect(),
            tag: query.tag.map(|tag| tag.to_lowercase()),
        }
    }
}

impl Wanted {
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

    /// Whether each word is in the listing's title, its description or one of its tags.
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

/// Listings that are for sale
#[utoipa::path(get, path = "/v1/marketplace/wallet/listings", tag = "Marketplace",
    responses((status = 200, body = Success<BrowseView>)))]
pub(crate) async fn browse_listings(
    caller: AnyCaller,
    query: QueryParams<(BrowseQuery, PageQuery)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (query, page) = query.0;
    let sort = query.sort.unwrap_or(Sort::Newest);
    let wanted = Wanted::from(query);
    state.up_to_date().await?;
    let (node, environment) = (state.node.clone(), caller.environment);
    let found = web::block(move || {
        let mut found = node.pick_listings(environment, |summary| wanted.picks(summary));
        found.sort_by_key(|summary| sort.place(summary));
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
    comment: Option<Box<str>>,
    rated_at: Rfc3339,
}

/// The most ratings that are shown of one listing.
const RATINGS_SHOWN: usize = 20;

/// A listing and its latest ratings
///
/// A listing that is not active is visible to its seller and its buyers only.
#[utoipa::path(get, path = "/v1/marketplace/wallet/listings/{id}", tag = "Marketplace",
    responses((status = 200, body = Success<OneView>)))]
pub(crate) async fn get_listing(
    caller: AnyCaller,
    InPath(id): InPath<ListingId>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.up_to_date().await?;
    let summary = state.node.listing(caller.environment, id);
    let summary = summary.ok_or_else(ListingId::missing)?;
    let is_public = summary.status == ListingStatus::Active;
    if !is_public && !may_see(&state, &caller, &summary, id).await? {
        return Err(ListingId::missing());
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
