//! The marketplace: what is for sale, selling, buying, and what was bought.

pub(crate) mod browse;
pub(crate) mod download;
pub(crate) mod purchase;
pub(crate) mod sell;
mod view;

use priv_domain::{ListingId, PurchaseId};

use crate::error::ApiError;

/// The id in a path; one that can't be is one that is not.
fn listing_in(path: &str) -> Result<ListingId, ApiError> {
    path.parse().map_err(|_| no_such_listing())
}

/// The id of a purchase in a path; one that can't be is one that is not.
fn purchase_in(path: &str) -> Result<PurchaseId, ApiError> {
    path.parse().map_err(|_| no_such_purchase())
}

fn no_such_purchase() -> ApiError {
    ApiError::not_found("There is no such purchase of yours")
}

fn no_such_listing() -> ApiError {
    ApiError::not_found("There is no such listing")
}
