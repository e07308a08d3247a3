//! Translates the refusals of machines for clients.

use priv_actors::purchasing::PurchaseError;
use priv_actors::{AskError, ProjectorStopped, QueryError};
use priv_domain::message::{NotSold, NotTaken};
use priv_domain::{Micros, listing, project, system, user};

use super::ApiError;

/// A refusal that clients are told of.
pub(crate) trait Refused {
    /// The error that a client is told.
    fn into_api_error(self) -> ApiError;
}

impl<R: Refused> From<AskError<R>> for ApiError {
    fn from(error: AskError<R>) -> Self {
        match error {
            AskError::Refused(refusal) => refusal.into_api_error(),
            AskError::Mismatch => Self::idempotency_mismatch(),
            AskError::Overloaded | AskError::Stopping => Self::overloaded(1),
            AskError::TooLarge => Self::payload_too_large(16 << 20),
            AskError::Fault => Self::server_error(&std::io::Error::other("a decision panicked")),
        }
    }
}

/// A list that is out of date is not shown.
impl From<ProjectorStopped> for ApiError {
    fn from(_: ProjectorStopped) -> Self {
        Self::overloaded(1)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::server_error(&error)
    }
}

impl Refused for user::Refusal {
    fn into_api_error(self) -> ApiError {
        let text = self.to_string();
        match self {
            Self::NothingToClaim => {
                ApiError::invalid_because("nothing_to_claim", "There is nothing to claim")
            }
            Self::BelowMinimum { minimum } => ApiError::invalid_because(
                "below_minimum",
                format!("The least that can be claimed is {minimum} PRIV"),
            ),
            Self::MoreThanPending { pending } => ApiError::invalid_because(
                "more_than_pending",
                format!("amount_priv: only {pending} PRIV is pending and not being claimed"),
            ),
            Self::RequestUnderWay => ApiError::request_in_flight(),
            Self::TooMuchUnderWay => ApiError::overloaded(1),
            Self::AlreadyLinked => ApiError::conflict("already_linked", text),
            Self::LinkUnderWay => ApiError::conflict("request_in_flight", text),
            Self::TooMuch => ApiError::conflict("account_full", text),
            Self::BecamePerson => ApiError::conflict("linked", text),
            Self::DuplicateContent { first } => ApiError::conflict("duplicate_content", text)
                .with_member("contribution_id", &first.to_string()),
            Self::TooMany { .. } => ApiError::conflict("too_many", text),
            Self::NoSuchContribution { id } => {
                ApiError::not_found(format!("There is no contribution {id} of yours"))
            }
            Self::AlreadyReviewed { status } => {
                ApiError::conflict("already_reviewed", text).with_member("status", &status.as_str())
            }
            Self::Listed { listing } => {
                ApiError::conflict("listed", text).with_member("listing_id", &listing.to_string())
            }
            Self::NotForSale { id } => ApiError::invalid_field(
                "contribution_ids",
                format!("{id} is not approved, or its owner gave no consent_commercial"),
            ),
            Self::NoSuchListing => ApiError::not_found("There is no such listing of yours"),
            Self::ChangeUnderWay => ApiError::conflict("request_in_flight", text),
            Self::NotSold(why) => not_sold(why),
            Self::NotTaken(why) => not_taken(why),
            Self::LinkNotTaken => {
                ApiError::conflict("not_taken", "The link took too long: try again")
            }
            Self::PriceChanged { price, version } => price_changed(price, version),
            Self::InsufficientBalance { available, price } => {
                ApiError::insufficient_balance(price, available)
            }
            Self::NotBought => ApiError::not_found("You have not bought this listing"),
        }
    }
}

/// The error for a listing that does not sell or change.
fn not_sold(why: NotSold) -> ApiError {
    let text = why.to_string();
    match why {
        NotSold::NotActive(status) => ApiError::conflict(status.as_str(), text),
        NotSold::SoldOut => ApiError::conflict("sold_out", text),
        NotSold::OwnListing => ApiError::conflict("own_listing", text),
        NotSold::TermsChanged { version, price } => price_changed(price, version),
        NotSold::VersionChanged { version } => {
            ApiError::conflict("version_changed", text).with_member("version", &version)
        }
        NotSold::HasSales { sales } => {
            ApiError::conflict("has_sales", text).with_member("sales", &sales)
        }
        NotSold::TooManyContents => ApiError::conflict("too_many", text),
    }
}

fn price_changed(price: Micros, version: u32) -> ApiError {
    ApiError::conflict("price_changed", format!("The price is {price} PRIV now"))
        .with_amount("price_priv", price)
        .with_member("version", &version)
}

/// The error for an exchange that the other entity did not take.
fn not_taken(why: NotTaken) -> ApiError {
    match why {
        NotTaken::NotSold(why) => not_sold(why),
        // Too late, as after a long stop, or the receiver has no room at the moment: nothing has
        // changed, and the client can try again.
        NotTaken::NotAwaited | NotTaken::Busy => ApiError::overloaded(1),
        NotTaken::NoSuchPayee => ApiError::not_found("There is no such listing"),
    }
}

impl From<PurchaseError> for ApiError {
    fn from(error: PurchaseError) -> Self {
        match error {
            PurchaseError::NoSuchListing => Self::not_found("There is no such listing"),
            PurchaseError::Ask(error) => error.into(),
        }
    }
}

impl Refused for listing::Refusal {
    fn into_api_error(self) -> ApiError {
        match self {}
    }
}

impl Refused for project::Refusal {
    fn into_api_error(self) -> ApiError {
        let text = self.to_string();
        match self {
            Self::NoSuchProject => ApiError::not_found("There is no such project"),
            Self::Exists => ApiError::conflict("exists", text),
            Self::NoSuchKey => ApiError::not_found("The project has no such key"),
            Self::KeyHasEnded => ApiError::conflict("key_ended", text),
            Self::TooManyKeys => ApiError::conflict("too_many_keys", text),
        }
    }
}

impl Refused for system::Refusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::TreasuryTooSmall { required, available } => {
                ApiError::insufficient_balance(required, available)
            }
            Self::TooMuch => ApiError::invalid_field("amount_priv", self.to_string()),
            Self::TooMuchUnderWay => ApiError::overloaded(1),
            Self::UnderWay => ApiError::request_in_flight(),
            Self::NotTaken => ApiError::conflict(
                "not_taken",
                "It was not taken, and went back to the treasury: try again",
            ),
        }
    }
}
