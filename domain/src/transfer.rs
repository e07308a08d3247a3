//! The transfer: the only way for money to cross from one entity to another.
//!
//! A transfer has three steps. The payer opens it, so that its amount leaves `available` and is in
//! flight, and offers it to the payee. The payee accepts or refuses. The payer settles it or takes
//! the money back, and tells the payee to forget it. [`crate::exchange`] keeps both
//! ends.
//!
//! A transfer's [`Purpose`] names the kind of receiver, so a machine looks at its own purposes only
//! and refuses all others in one arm.

use crate::consent::ConsentRecord;
use crate::earning::{DayEarnings, Payer};
use crate::entity::EntityId;
use crate::id::{ClaimId, ExchangeId};
use crate::market::{Fees, Order, Proceeds};
use crate::money::Micros;
use crate::time::Timestamp;

/// Money on its way from one entity to another, as the payer opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The id by which both sides know it.
    pub id: ExchangeId,
    /// The entity that is to accept it.
    pub to: EntityId,
    /// The amount in micros; 0 only where a [`UserPurpose::Link`] moves nothing but pending
    /// rewards.
    pub amount: Micros,
    /// What it is for, which tells the payee what to do with it.
    pub purpose: Purpose,
}

/// The purpose of a transfer, by its receiver, with what it carries besides money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To a user, for one of several purposes.
    ToUser(UserPurpose),
    /// To a project: the treasury fills its reward budget.
    Budget,
    /// To the system: a listing pays the protocol's share of its sales.
    Fees(Fees),
    /// To a listing: a buyer pays for it, on these terms.
    Order(Box<Order>),
}

/// The purpose of a transfer to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserPurpose {
    /// A payer funds a part of a claim.
    Claim(PartId),
    /// The treasury grants the user money.
    Grant,
    /// A project's user becomes this person, and brings their balance and their earnings.
    Link(Box<LinkedUser>),
    /// A listing pays its seller their part of its sales.
    Proceeds(Proceeds),
}

/// Names a part of a claim: the amount that one payer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// The claim that it is a part of.
    pub claim: ClaimId,
    /// The part's place in the claim, counted from 0.
    pub part: u32,
}

/// What a user brings along when they become a person, besides their balance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkedUser {
    /// Their earnings, one item for each payer.
    pub accruals: Vec<LinkedAccrual>,
    /// Their consent, which holds for the person too if that person was never asked.
    pub consent: Option<ConsentRecord>,
    /// The time at which their browser first sent Global Privacy Control; `None` if it never did.
    pub privacy_control_since: Option<Timestamp>,
}

/// A linked user's earnings with one payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedAccrual {
    /// The payer that owes it.
    pub payer: Payer,
    /// Earned and not yet funded, in micros.
    pub pending: Micros,
    /// Earned and funded, in micros.
    pub claimed: Micros,
    /// The day's part, counted against the daily cap.
    pub today: DayEarnings,
}
