//! The proposal: what crosses from a user to a listing without money.
//!
//! It takes the same steps as a transfer (opened, accepted or refused, settled, forgotten), so it
//! takes effect once across crashes and repeats; but it moves no money and has no postings.

use crate::entity::EntityId;
use crate::id::ExchangeId;
use crate::market::{Change, Draft, Rating};

/// Something that a user asks of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The id by which both sides know it.
    pub id: ExchangeId,
    /// The listing that is to accept it.
    pub to: EntityId,
    /// What the user proposes.
    pub content: Content,
}

/// The content of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A seller publishes the listing.
    Publish(Box<Draft>),
    /// Its seller changes it.
    Change(Box<Change>),
    /// A buyer rates what they bought.
    Rate(Box<Rating>),
}
