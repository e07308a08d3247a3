//! Letters between entities, and the transfer: the one way for money to cross.
//!
//! A transfer has three steps. The payer opens it (what it sends leaves `available` and is in
//! flight) and offers it; the payee accepts or refuses; the payer settles or takes it back, and
//! tells the payee that it may forget. Whatever is still due is part of the state of whoever waits
//! for it, so after a crash it is sent again; a step that comes twice is answered as the first time.

use crate::consent::ConsentRecord;
use crate::earning::{DayEarnings, Payer};
use crate::entity::EntityId;
use crate::id::{ClaimId, TransferId};
use crate::listing::ListingSummary;
use crate::market::{Change, Draft, Fees, ListingStatus, Order, Proceeds, Rating};
use crate::money::Micros;
use crate::time::Timestamp;

/// Money on its way from one entity to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Names it to both sides.
    pub id: TransferId,
    /// Who gets it.
    pub to: EntityId,
    /// How much; may be nothing where something else than money moves.
    pub amount: Micros,
    /// What for.
    pub purpose: Purpose,
}

/// What a transfer is for, and what else it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A payer funds a claim of what a user has earned with it.
    Claim(PartId),
    /// The treasury fills a project's reward budget.
    Budget,
    /// The treasury gives a user something.
    Grant,
    /// A project's user becomes a person: balance, and what was earned and not yet claimed.
    Link(Box<LinkedUser>),
    /// A seller makes a listing. No money.
    Publish(Box<Draft>),
    /// A seller changes their listing. No money.
    Change(Box<Change>),
    /// A buyer pays for a listing.
    Purchase(Box<Order>),
    /// A listing gives its seller what sales brought in.
    Proceeds(Proceeds),
    /// A listing gives the protocol its share.
    Fees(Fees),
    /// A buyer rates what they bought. No money.
    Rating(Box<Rating>),
}

/// Names a part of a claim: what one payer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// The claim.
    pub claim: ClaimId,
    /// Counted from 0.
    pub part: u32,
}

/// What a user brings along who becomes a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkedUser {
    /// What they had earned, by payer.
    pub accruals: Vec<LinkedAccrual>,
    /// What they had agreed to: it holds for the person too, if they were never asked.
    pub consent: Option<ConsentRecord>,
    /// Since when their browser refuses.
    pub privacy_control_since: Option<Timestamp>,
}

/// What a linked user had earned with one payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedAccrual {
    /// Who pays it.
    pub payer: Payer,
    /// Earned and not yet funded.
    pub pending: Micros,
    /// Earned and funded.
    pub claimed: Micros,
    /// Against the daily cap.
    pub today: DayEarnings,
}

/// Why a transfer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The claim is no longer waiting for it, or nobody asked for it and it is too old.
    NotAwaited,
    /// The payee doesn't exist.
    NoSuchPayee,
    /// The payee has too much to remember at the moment.
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

/// What one entity says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To a payer: fund this part of a claim, as far as you can. The payer names the transfer: an
    /// id is never used for a second one, so a late answer to the first can't end the second.
    Fund {
        /// What is to be funded.
        part: PartId,
        /// How much is asked for.
        amount: Micros,
    },
    /// To the claimant: there is nothing to fund it with.
    Unfunded {
        /// What was to be funded.
        part: PartId,
    },
    /// To the payee: take this.
    Offer(Transfer),
    /// To the payer: taken.
    Accepted {
        /// Which.
        transfer: TransferId,
        /// The listing that it made or changed.
        summary: Option<Box<ListingSummary>>,
    },
    /// To the payer: not taken.
    Refused {
        /// Which.
        transfer: TransferId,
        /// Why.
        why: NotTaken,
    },
    /// To the payee: it is settled, you may forget that you took it.
    Forget {
        /// Which.
        transfer: TransferId,
    },
}
