//! The proposal: what crosses from a user to a listing without money.
//!
//! It takes the steps of a transfer (opened, accepted or refused, settled, forgotten), so that it
//! is made once across crashes and repeats, but it moves no money and has no postings.

use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::market::{Change, Draft, Rating};

/// Something that a user asks of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Names it to both sides.
    pub id: ExchangeId,
    /// The listing.
    pub to: EntityId,
    /// What is proposed.
    pub content: Content,
}

/// What a proposal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A seller makes the listing.
    Publish(Box<Draft>),
    /// Its seller changes it.
    Change(Box<Change>),
    /// A buyer rates what they bought.
    Rate(Box<Rating>),
}
