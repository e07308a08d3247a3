//! Read models: lines of lists, counts, and the facts of a project that every request needs. They
//! are plain values, which the store keeps up to date from the journal.
//!
//! How they are stored (`priv-store`) and what a client sees of them (`priv-http`) is left out.

use crate::contribution::{Contribution, ReviewDecision};
use crate::earning::Payer;
use crate::entity::{EntityId, Environment};
use crate::id::{ContributionId, ListingId, ProjectId, PurchaseId};
use crate::market::License;
use crate::money::Micros;
use crate::project::{ApiKey, Settings};
use crate::time::{Day, Timestamp};

/// A project in one environment, without its money.
#[derive(Clone, Debug)]
pub struct ProjectFacts {
    /// The same in both environments.
    pub id: ProjectId,
    /// The environment that these facts are about.
    pub environment: Environment,
    /// The time at which the project was created.
    pub created_at: Timestamp,
    /// The settings, as operators last changed them.
    pub settings: Settings,
    /// All keys it ever had, oldest first.
    pub keys: Vec<ApiKey>,
}

/// The sums over all listings of one seller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SellerSums {
    /// The number of their sales.
    pub sales: u64,
    /// The number of ratings that buyers gave.
    pub ratings: u64,
    /// The stars of all these ratings, added up.
    pub stars: u64,
}

/// A contribution in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContributionLine {
    /// The contribution as it is now.
    pub contribution: Contribution,
    /// The judgement; `None` while the contribution is pending.
    pub review: Option<Review>,
    /// The owner's metadata: a JSON object, as text; `None` if they gave none, or it was
    /// erased.
    pub metadata: Option<String>,
}

/// The judgement of a contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether it was approved.
    pub decision: ReviewDecision,
    /// The operator who judged, or the name of the automatic checks.
    pub by: Box<str>,
    /// The reason that was given, if one was.
    pub reason: Option<Box<str>>,
    /// The time of the judgement.
    pub at: Timestamp,
}

/// A contribution with its id and its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContributionOf {
    /// The contribution's id.
    pub id: ContributionId,
    /// The user who contributed it.
    pub owner: EntityId,
    /// As it is in the owner's list.
    pub line: ContributionLine,
}

/// A purchase in its seller's list; what buyers bought is in their own state.
pub type Sale = (PurchaseId, PurchaseLine);

/// The listing that was bought, and the terms of the purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseLine {
    /// The listing that was bought.
    pub listing: ListingId,
    /// The listing's title at the time of the purchase.
    pub title: Box<str>,
    /// The price that was paid, fees included, in micros.
    pub price: Micros,
    /// What the buyer may do with the files.
    pub license: License,
}

/// A rating in its listing's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingLine {
    /// The stars that the buyer gave, 1 to 5.
    pub stars: u8,
    /// The buyer's comment, if they wrote one.
    pub comment: Option<Box<str>>,
    /// The time at which the buyer last rated it.
    pub at: Timestamp,
}

/// The earnings of a user with one payer on one UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayEntry {
    /// The UTC day on which it was earned.
    pub day: Day,
    /// The payer with whom it was earned.
    pub payer: Payer,
    /// The contribution or listing that it is for, as the bits of its id; 0 for a day's events.
    pub reference: u128,
    /// All that was earned that day, claimed or not, in micros.
    pub amount: Micros,
    /// The time at which the first of it was earned.
    pub since: Timestamp,
}

/// Something that was counted in one quarter of an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyticsCell<T> {
    /// The beginning of the quarter of an hour.
    pub start: Timestamp,
    /// The event type, page or visitor that was counted.
    pub what: T,
    /// The number of events in that time; 1 for each visitor who came.
    pub count: u64,
}

/// A visitor: a hash of the user id, or else of the anonymous id.
pub type Visitor = [u8; 16];
