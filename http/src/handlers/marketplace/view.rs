//! A listing as clients see it. Its seller is shown under a pseudonym, so no user id leaks.

use data_encoding::HEXLOWER;
use priv_domain::listing_summary::ListingSummary;
use priv_domain::user::User;
use priv_domain::{Entity, EntityId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::state::AppState;
use crate::wire::amount::Amount;
use crate::wire::ids::{ContributionIdText, ListingIdText};
use crate::wire::time::Rfc3339;
use crate::wire::words::{CategoryName, ContributionTypeName, LicenseName, ListingStatusName};

#[derive(Serialize, ToSchema)]
#[schema(as = Listing)]
pub(super) struct ListingView {
    id: ListingIdText,
    title: Box<str>,
    description: Box<str>,
    category: CategoryName,
    tags: Vec<Box<str>>,
    price_priv: Amount,
    status: ListingStatusName,
    sold_out: bool,
    license: LicenseName,
    max_sales: Option<u32>,
    version: u32,
    contribution_count: u32,
    total_file_size_bytes: u64,
    preview_samples: Vec<SampleView>,
    seller: SellerView,
    total_sales: u32,
    average_rating: Option<f64>,
    rating_count: u32,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListingSample)]
struct SampleView {
    contribution_type: ContributionTypeName,
    preview_url: String,
    metadata_preview: MetadataPreview,
}

/// What may be told of a file before it is bought.
#[derive(Serialize, ToSchema)]
#[schema(as = ListingSampleMetadata)]
struct MetadataPreview {
    contribution_id: ContributionIdText,
}

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Seller)]
pub(super) struct SellerView {
    id: String,
    display_name: String,
    rating: Option<f64>,
    total_sales: u64,
    member_since: Rfc3339,
    verified: bool,
}

const ADJECTIVES: [&str; 16] = [
    "Amber", "Brisk", "Calm", "Deft", "Early", "Fair", "Gentle", "Hazel", "Ivory", "Jolly", "Keen",
    "Lunar", "Mellow", "Noble", "Quiet", "Silver",
];
const NOUNS: [&str; 16] = [
    "Aspen", "Badger", "Cedar", "Dune", "Egret", "Falcon", "Grove", "Heron", "Island", "Juniper",
    "Kestrel", "Lagoon", "Meadow", "Otter", "Pine", "Raven",
];

/// A seller's pseudonym, as id and display name. It is made from the user id with this server's
/// secret, so it never changes and does not tell who it is.
pub(super) fn pseudonym(state: &AppState, seller: &EntityId) -> (String, String) {
    let hash = blake3::keyed_hash(&state.pseudonym_key, seller.to_string().as_bytes());
    let hash = hash.as_bytes();
    let id: String = HEXLOWER.encode(&hash[..10]);
    let word = |words: &[&'static str; 16], at: usize| words[usize::from(hash[at] % 16)];
    let number = u16::from_be_bytes([hash[12], hash[13]]) % 10_000;
    let name = format!("{} {} {number:04}", word(&ADJECTIVES, 10), word(&NOUNS, 11));
    (format!("seller_{id}"), name)
}

pub(super) async fn seller_view(
    state: &AppState,
    seller: &EntityId,
) -> Result<SellerView, ApiError> {
    let (id, display_name) = pseudonym(state, seller);
    let sums = state.node.seller_sums(seller);
    let (node, me) = (state.node.clone(), seller.clone());
    let since = state.blocking(move || node.first_seen(&me)).await?;
    let has_wallet = |user: &Entity<User>| {
        user.machine.links.as_ref().is_some_and(|links| links.wallet.is_some())
    };
    let verified = state.node.read_durable::<User, _>(seller, has_wallet).await?.reply;
    Ok(SellerView {
        id,
        display_name,
        rating: average(sums.stars, sums.ratings),
        total_sales: sums.sales,
        member_since: Rfc3339(since.unwrap_or(Timestamp::EPOCH)),
        verified,
    })
}

/// The average of `ratings` in stars, to two decimals; `None` if there are none.
fn average(stars: u64, ratings: u64) -> Option<f64> {
    // Both are small numbers: a float holds them exactly.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mean = |stars: u64, ratings: u64| stars as f64 / ratings as f64;
    (ratings > 0).then(|| (mean(stars, ratings) * 100.0).round() / 100.0)
}

impl ListingView {
    pub(super) fn of(summary: &ListingSummary, seller: SellerView) -> Self {
        let samples = summary.samples.iter().map(|(contribution_type, id)| SampleView {
            contribution_type: (*contribution_type).into(),
            preview_url: format!("/v1/contributions/{id}/preview"),
            metadata_preview: MetadataPreview { contribution_id: (*id).into() },
        });
        Self {
            id: summary.id.into(),
            title: summary.title.clone(),
            description: summary.description.clone(),
            category: summary.category.into(),
            tags: summary.tags.clone(),
            price_priv: summary.price.into(),
            status: summary.status.into(),
            sold_out: summary.sold_out,
            license: summary.license.into(),
            max_sales: summary.max_sales,
            version: summary.version,
            contribution_count: summary.files,
            total_file_size_bytes: summary.bytes,
            preview_samples: samples.collect(),
            seller,
            total_sales: summary.sales,
            average_rating: average(summary.stars, summary.ratings.into()),
            rating_count: summary.ratings,
            created_at: Rfc3339(summary.created_at),
            updated_at: Rfc3339(summary.updated_at),
        }
    }
}
