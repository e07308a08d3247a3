//! Messages between entities.
//!
//! What is still due is part of the state of whoever waits for it, so after a crash it is sent
//! again; a step that comes twice is answered as it was the first time.

use crate::id::ExchangeId;
use crate::listing::ListingSummary;
use crate::market::ListingStatus;
use crate::money::Micros;
use crate::proposal::Proposal;
use crate::transfer::{PartId, Transfer};

/// What one entity says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To a payer: fund this part of a claim, as far as you can. The payer names the transfer: an
    /// id is never used for a second one, so a late answer to the first can't end the second.
    Fund {
        /// The part that is to be funded.
        part: PartId,
        /// How much is asked for.
        amount: Micros,
    },
    /// To the claimant: there is nothing to fund it with.
    Unfunded {
        /// The part that was to be funded.
        part: PartId,
    },
    /// To a payee: take this money.
    Offer(Transfer),
    /// To a listing: do this.
    Propose(Proposal),
    /// To whoever opened an exchange: it was accepted.
    Accepted {
        /// Names it.
        exchange: ExchangeId,
        /// To a seller: the listing that was made or changed.
        summary: Option<Box<ListingSummary>>,
    },
    /// To whoever opened an exchange: it was not accepted.
    Refused {
        /// Names it.
        exchange: ExchangeId,
        /// The reason.
        why: NotTaken,
    },
    /// To whoever accepted an exchange: it is settled, you may forget that you accepted it.
    Forget {
        /// Names it.
        exchange: ExchangeId,
    },
}

/// Why an exchange was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The claim is no longer waiting for it, or nobody asked for it and it is too old.
    NotAwaited,
    /// The receiver doesn't exist, or is not one for such an exchange.
    NoSuchPayee,
    /// The receiver has too much to remember, or holds too much, at the moment.
    Busy,
    /// The listing stands against it.
    NotSold(NotSold),
}

/// Why a listing does not sell, or does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSold {
    /// It is paused or delisted.
    #[error("the listing is {}", .0.as_str())]
    NotActive(ListingStatus),
    /// All that may be sold is sold.
    #[error("the listing is sold out")]
    SoldOut,
    /// The buyer is the seller.
    #[error("this is your own listing")]
    OwnListing,
    /// Title, price, license or files are others than the buyer saw.
    #[error("the listing's terms have changed")]
    TermsChanged {
        /// The listing's version now.
        version: u32,
        /// Its price now.
        price: Micros,
    },
    /// The listing is not the version that was expected.
    #[error("the listing is at version {version} now")]
    VersionChanged {
        /// The version now.
        version: u32,
    },
    /// More was sold than the change allows.
    #[error("{sales} were sold already")]
    HasSales {
        /// How many.
        sales: u32,
    },
    /// Its files were changed too often after sales.
    #[error("the files of this listing were changed too often: make a new listing")]
    TooManyContents,
}
