//! Messages between entities.
//!
//! A message may be lost, or come late or twice. Whoever waits for an answer has that in its state
//! and sends the message again after a crash; a message that comes twice is answered as it was the
//! first time. Offers are confirmed before they are decided on: see [`crate::confirm`].

use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::listing_summary::ListingSummary;
use crate::market::ListingStatus;
use crate::money::Micros;
use crate::proposal::Proposal;
use crate::transfer::{PartId, Transfer};

/// What one entity says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To a payer: fund this part of a claim, as far as you can. The payer makes the transfer's id,
    /// which is never used for a second transfer, so that a late answer to one can't end another.
    Fund {
        /// The part of the claim that this payer is asked for.
        part: PartId,
        /// The amount that is asked for, in micros.
        amount: Micros,
    },
    /// To a claimant: there is no money for this part of the claim.
    Unfunded {
        /// The part of the claim that was asked for.
        part: PartId,
    },
    /// To a payee: take this money.
    Offer(Transfer),
    /// To a listing: do what is proposed.
    Propose(Proposal),
    /// To whoever opened an exchange: it was accepted.
    Accepted {
        /// The exchange that was accepted.
        exchange: ExchangeId,
        /// The listing that was made or changed; `Some` only to its seller.
        summary: Option<Box<ListingSummary>>,
    },
    /// To whoever opened an exchange: it was refused.
    Refused {
        /// The exchange that was refused.
        exchange: ExchangeId,
        /// The reason for refusing it.
        why: NotTaken,
    },
    /// To whoever accepted or refused an exchange: it has ended, and you may forget it.
    Forget {
        /// The exchange that has ended.
        exchange: ExchangeId,
    },
    /// To whoever offers an exchange of which nothing is known: is it still open?
    Confirm {
        /// The exchange that was offered.
        exchange: ExchangeId,
        /// A number that the answer must repeat.
        number: u128,
    },
    /// To whoever asks: it is open. Says again what is offered.
    Confirmed {
        /// The offer: an [`Self::Offer`] or a [`Self::Propose`].
        offer: Box<Message>,
        /// The number of the question.
        number: u128,
    },
    /// To whoever asks: it has ended.
    Closed {
        /// The exchange that has ended.
        exchange: ExchangeId,
    },
}

impl Message {
    /// The exchange that it offers; `None` if it offers none.
    #[must_use]
    pub fn offered(&self) -> Option<ExchangeId> {
        match self {
            Self::Offer(transfer) => Some(transfer.id),
            Self::Propose(proposal) => Some(proposal.id),
            Self::Fund { .. }
            | Self::Unfunded { .. }
            | Self::Accepted { .. }
            | Self::Refused { .. }
            | Self::Forget { .. }
            | Self::Confirm { .. }
            | Self::Confirmed { .. }
            | Self::Closed { .. } => None,
        }
    }
}

/// The reason why an exchange was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// No open claim waits for it.
    NotAwaited,
    /// The receiver does not exist, or takes no such exchange.
    NoSuchPayee,
    /// The receiver remembers or holds too much at the moment.
    Busy,
    /// The listing's own reason not to sell, or not to change.
    NotSold(NotSold),
}

/// The reason why a listing does not sell, or does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSold {
    /// It is paused or delisted.
    #[error("the listing is {}", .0.as_str())]
    NotActive(ListingStatus),
    /// The license allows no more sales.
    #[error("the listing is sold out")]
    SoldOut,
    /// The buyer and the seller are the same user.
    #[error("this is your own listing")]
    OwnListing,
    /// Title, price, license or files are no longer those that the buyer saw.
    #[error("the listing's terms have changed")]
    TermsChanged {
        /// The listing's version now.
        version: u32,
        /// Its price now, in micros.
        price: Micros,
    },
    /// The listing is no longer at the version that was expected.
    #[error("the listing is at version {version} now")]
    VersionChanged {
        /// The version that it is at now.
        version: u32,
    },
    /// More was sold than the changed license would allow.
    #[error("{sales} were sold already")]
    HasSales {
        /// The number of sales so far.
        sales: u32,
    },
    /// Its files were changed too often after sales: it keeps [`crate::listing::MAX_CONTENTS`]
    /// sets.
    #[error("the files of this listing were changed too often: make a new listing")]
    TooManyContents,
}

/// A message together with its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The entity that gets it.
    pub to: EntityId,
    /// The message, which does not name its receiver.
    pub message: Message,
}
