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
    /// When the project was created.
    pub created_at: Timestamp,
    /// What an operator decided about it.
    pub settings: Settings,
    /// All keys it ever had, oldest first.
    pub keys: Vec<ApiKey>,
}

/// What all listings of a seller come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SellerSums {
    /// How often they were sold.
    pub sales: u64,
    /// How many buyers rated them.
    pub ratings: u64,
    /// The stars of all these ratings, added up.
    pub stars: u64,
}

/// A contribution in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContributionLine {
    /// The contribution as it is now.
    pub contribution: Contribution,
    /// How it was judged, if it was.
    pub review: Option<Review>,
    /// What its owner says of it: a JSON object, as text.
    pub metadata: Option<String>,
}

/// How a contribution was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether it was approved.
    pub decision: ReviewDecision,
    /// The operator who decided.
    pub by: Box<str>,
    /// The operator's reason, if one was given.
    pub reason: Option<Box<str>>,
    /// When it was decided.
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

/// What was bought, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseLine {
    /// The listing that was bought.
    pub listing: ListingId,
    /// The listing's title at the time of the purchase.
    pub title: Box<str>,
    /// What was paid, fees included.
    pub price: Micros,
    /// What the buyer may do with it.
    pub license: License,
}

/// A rating in its listing's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingLine {
    /// 1 to 5.
    pub stars: u8,
    /// What the buyer says, if anything.
    pub comment: Option<Box<str>>,
    /// When the buyer rated it last.
    pub at: Timestamp,
}

/// What a user earned with one payer on one UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayEntry {
    /// The UTC day on which it was earned.
    pub day: Day,
    /// Who pays.
    pub payer: Payer,
    /// Which contribution or listing it is for, as the bits of its id; 0 for a day's events.
    pub reference: u128,
    /// What was earned that day, claimed or not.
    pub amount: Micros,
    /// When the first of it was earned.
    pub since: Timestamp,
}

/// Something that was counted in one quarter of an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyticsCell<T> {
    /// When the quarter of an hour begins.
    pub start: Timestamp,
    /// What was counted.
    pub what: T,
    /// How often.
    pub count: u64,
}

/// Who came: a hash of the user id, or else of the anonymous id.
pub type Visitor = [u8; 16];
