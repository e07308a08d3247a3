//! The transfer: the one way for money to cross from one entity to another.
//!
//! A transfer has three steps. The payer opens it (what it sends leaves `available` and is in
//! flight) and offers it; the payee accepts or refuses; the payer settles or takes it back, and
//! tells the payee that it may forget. [`crate::exchange`] keeps both ends of it.
//!
//! A transfer's [`Purpose`] names its receiver, so a machine looks at its own purposes only: what
//! was sent to somebody else's is refused in one arm.

use crate::consent::ConsentRecord;
use crate::earning::{DayEarnings, Payer};
use crate::entity::EntityId;
use crate::id::{ClaimId, ExchangeId};
use crate::market::{Fees, Order, Proceeds};
use crate::money::Micros;
use crate::time::Timestamp;

/// Money on its way from one entity to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Names it to both sides.
    pub id: ExchangeId,
    /// The payee.
    pub to: EntityId,
    /// In micros; 0 only where a [`UserPurpose::Link`] moves nothing but pending rewards.
    pub amount: Micros,
    /// By which the payee knows what to do with it.
    pub purpose: Purpose,
}

/// What a transfer is for, by who receives it, with what it carries besides money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To a user.
    ToUser(UserPurpose),
    /// To a project: the treasury fills its reward budget.
    Budget,
    /// To the system: a listing passes on the protocol's share of its sales.
    Fees(Fees),
    /// To a listing: a buyer pays for it, on these terms.
    Order(Box<Order>),
}

/// What a transfer to a user is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserPurpose {
    /// A payer funds a part of a claim.
    Claim(PartId),
    /// The treasury gives the user something.
    Grant,
    /// A project's user becomes this person, and brings their balance and what they had earned.
    Link(Box<LinkedUser>),
    /// A listing gives its seller what sales brought in.
    Proceeds(Proceeds),
}

/// Names a part of a claim: what one payer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// The claim.
    pub claim: ClaimId,
    /// The part's place in it, counted from 0.
    pub part: u32,
}

/// What a user brings along who becomes a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkedUser {
    /// What they had earned, one a payer.
    pub accruals: Vec<LinkedAccrual>,
    /// What they had agreed to: it holds for the person too, if they were never asked.
    pub consent: Option<ConsentRecord>,
    /// When their browser first sent Global Privacy Control.
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
    /// Counted against the daily cap.
    pub today: DayEarnings,
}
